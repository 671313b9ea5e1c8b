import type { Api } from "../api/client";
import type { OwnChannel } from "../api/types";
import { Asking } from "../state/asking.svelte";

const EVERY = 3000; // ms; encoder, address and key interval are in no public list, so they are asked for

/** One's own channel with what only its owner may know. */
export class Own extends Asking<OwnChannel> {
  #api: Api;

  constructor(api: Api) {
    super(() => api.ownChannel(), EVERY);
    this.#api = api;
  }
  get facts(): OwnChannel | undefined {
    return this.now;
  }
  async save(title: string, category: string) {
    const channel = await this.#api.setChannel({ title, category });
    if (this.now) this.put({ ...this.now, channel });
  }
}
