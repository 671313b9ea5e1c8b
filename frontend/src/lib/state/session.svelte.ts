import type { Api } from "../api/client";
import type { Me } from "../api/types";

/** Who is signed in on this device. */
export class Session {
  #api: Api;
  #user = $state<Me | null>(null);
  #known = $state(false);

  constructor(api: Api) {
    this.#api = api;
  }
  get user(): Me | null {
    return this.#user;
  }
  /** False until the server has said who we are; pages that need an account wait for it. */
  get known(): boolean {
    return this.#known;
  }
  get mayStream(): boolean {
    return this.#user !== null && this.#user.role !== "viewer";
  }
  get mayManage(): boolean {
    return this.#user?.role === "owner" || this.#user?.role === "admin";
  }
  async load() {
    this.#set(await this.#api.session());
  }
  async signIn(name: string, password: string) {
    this.#set(await this.#api.signIn(name, password));
  }
  async signUp(name: string, password: string, invite: string) {
    this.#set(await this.#api.signUp(name, password, invite));
  }
  async claim(code: string, name: string, password: string) {
    this.#set(await this.#api.claim(code, name, password));
  }
  async signOut() {
    await this.#api.signOut();
    this.#set(null);
  }
  /** The server no longer knows our cookie: expired, or the password was changed elsewhere. */
  lost() {
    this.#set(null);
  }
  #set(user: Me | null) {
    this.#user = user;
    this.#known = true;
  }
}
