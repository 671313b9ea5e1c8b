import { asApiError, type ApiError } from "../api/error";
import type { Api } from "../api/client";
import type { Address, Addresses, House as Facts, SignUp } from "../api/types";

/** The host this page came from: its name, whether it has an owner, who may sign up, and the addresses to give to others. */
export class House {
  #api: Api;
  #facts = $state<Facts>();
  #error = $state<ApiError>();

  constructor(api: Api) {
    this.#api = api;
  }
  get known(): boolean {
    return this.#facts !== undefined;
  }
  get error(): ApiError | undefined {
    return this.#error;
  }
  /** By which other hosts know this one; "" until it said so. */
  get id(): string {
    return this.#facts?.id ?? "";
  }
  get name(): string {
    return this.#facts?.name ?? "";
  }
  get version(): string {
    return this.#facts?.version ?? "";
  }
  /** Assumed until we hear otherwise: a page that flashes "not set up" is worse than one that waits. */
  get setUp(): boolean {
    return this.#facts?.setUp ?? true;
  }
  get signUp(): SignUp {
    return this.#facts?.signUp ?? "closed";
  }
  /** What OBS needs in "Server"; best first. */
  get publish(): Address[] {
    return this.#facts?.addresses.publish ?? [];
  }
  /** What others type to watch; best first. */
  get watch(): Address[] {
    return this.#facts?.addresses.watch ?? [];
  }
  /** The one to tell people; undefined while the host is on no network. */
  get best(): Address | undefined {
    return this.watch.find((a) => a.best);
  }
  /** The host has other addresses now: another lease, a cable, Wi-Fi. */
  move(addresses: Addresses) {
    if (this.#facts) this.#facts = { ...this.#facts, addresses };
  }
  async load() {
    try {
      this.#facts = await this.#api.house();
      this.#error = undefined;
    } catch (e) {
      this.#error = asApiError(e);
    }
  }
  async choose(signUp: SignUp) {
    await this.#api.setSettings({ signUp });
    if (this.#facts) this.#facts = { ...this.#facts, signUp };
  }
  /** Gives the computer a name; an empty one gives it the system's again. */
  async rename(name: string) {
    await this.#api.setSettings({ signUp: this.signUp, name });
    await this.load();
  }
  /** What to give to people in the same room: the best address, of one channel or of all; "" while the host is on no network. */
  link(channel = ""): string {
    const base = this.best?.url ?? "";
    return base && channel ? `${base}/@${channel}` : base;
  }
  /** The address of a channel that works on other machines: 127.0.0.1 in a copied link would lead everybody to their own computer. */
  linkTo(channel: string, origin: string): string {
    const local = /^https?:\/\/(127\.|localhost|\[::1\])/.test(origin);
    return `${(local && this.best?.url) || origin}/@${channel}`;
  }
}
