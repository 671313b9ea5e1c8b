import { asApiError, type ApiError } from "../api/error";
import type { Api } from "../api/client";
import type { Host, Hosts as Facts } from "../api/types";

/** The computers of the network that run echo.tv: this one and those it has found. */
export class Hosts {
  #api: Api;
  #facts = $state.raw<Facts>();
  #error = $state.raw<ApiError>();

  constructor(api: Api) {
    this.#api = api;
  }
  get self(): Host | undefined {
    return this.#facts?.self;
  }
  /** Those that answer first, then by name, so that a row moves only when its computer comes or goes. */
  get others(): Host[] {
    const gone = (h: Host) => Number(h.presence === "gone");
    return [...(this.#facts?.hosts ?? [])].sort((a, b) => gone(a) - gone(b) || a.name.localeCompare(b.name) || (a.id < b.id ? -1 : 1));
  }
  /** False until the host has answered once. */
  get known(): boolean {
    return this.#facts !== undefined;
  }
  get error(): ApiError | undefined {
    return this.#error;
  }
  async load() {
    try {
      this.#facts = await this.#api.hosts();
      this.#error = undefined;
    } catch (e) {
      this.#error = asApiError(e);
    }
  }
  /** Finds a host by what somebody typed, and answers with it. */
  async add(address: string): Promise<Host> {
    const found = await this.#api.addHost(address);
    await this.load();
    return found;
  }
  /** Drops all that is remembered of a host; if it is there, it is found again as if for the first time. */
  async forget(id: string) {
    await this.#api.forgetHost(id);
    await this.load();
  }
}
