import type { Api } from "../api/client";
import type { Key } from "../api/types";

/** One's own stream keys. Secrets come one by one when asked for, stay in this page's memory, and are forgotten when it is left. */
export class Keyring {
  #api: Api;
  #keys = $state.raw<Key[]>([]);
  #known = $state(false);
  #secrets = $state<Record<string, string>>({});
  #shown = $state<Record<string, boolean>>({});
  #asked: Record<string, Promise<string>> = {};

  constructor(api: Api) {
    this.#api = api;
  }
  get keys(): Key[] {
    return this.#keys;
  }
  get known(): boolean {
    return this.#known;
  }
  /** The secret, when it is fetched and meant to be seen; "" else. */
  visible(id: string): string {
    return (this.#shown[id] && this.#secrets[id]) || "";
  }
  async load() {
    this.#keys = await this.#api.keys();
    this.#known = true;
  }
  /** Fetches a secret without showing it. Copying asks for it when the pointer arrives: after an await, a click may no longer copy. */
  secret(id: string): Promise<string> {
    return (this.#asked[id] ??= this.#fetch(id));
  }
  async show(id: string) {
    await this.secret(id);
    this.#shown[id] = true;
  }
  hide(id: string) {
    this.#shown[id] = false;
  }
  async create(label: string): Promise<Key> {
    const { key, secret } = await this.#api.newKey(label);
    this.#keep(key.id, secret);
    this.#keys = [...this.#keys, key];
    return key;
  }
  async rotate(id: string) {
    const { key, secret } = await this.#api.rotateKey(id);
    this.#forget(id);
    this.#keep(key.id, secret);
    this.#keys = this.#keys.map((k) => (k.id === id ? key : k));
  }
  async revoke(id: string) {
    await this.#api.revokeKey(id);
    this.#forget(id);
    this.#keys = this.#keys.filter((k) => k.id !== id);
  }

  async #fetch(id: string): Promise<string> {
    try {
      return (this.#secrets[id] = await this.#api.revealKey(id));
    } catch (e) {
      delete this.#asked[id]; // so that the next press asks again
      throw e;
    }
  }
  #keep(id: string, secret: string) {
    this.#secrets[id] = secret;
    this.#asked[id] = Promise.resolve(secret);
  }
  #forget(id: string) {
    delete this.#secrets[id];
    delete this.#asked[id];
    delete this.#shown[id];
  }
}
