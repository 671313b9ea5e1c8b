import type { Api } from "../api/client";
import { asApiError, type ApiError } from "../api/error";
import type { OwnChannel } from "../api/types";

const EVERY = 3000; // ms; encoder, address and key interval are in no public list, so they are asked for

/** One's own channel with what only its owner may know. Asks again while it runs; keeps the last answer through a hiccup. */
export class Own {
  #api: Api;
  #facts = $state.raw<OwnChannel>();
  #error = $state.raw<ApiError>();

  constructor(api: Api) {
    this.#api = api;
  }
  get facts(): OwnChannel | undefined {
    return this.#facts;
  }
  get error(): ApiError | undefined {
    return this.#error;
  }
  /** Asks now and again; call the answer to stop. */
  run(): () => void {
    let timer: ReturnType<typeof setTimeout>;
    let over = false;
    const ask = async () => {
      await this.load();
      if (!over) timer = setTimeout(ask, EVERY);
    };
    void ask();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }
  async load() {
    try {
      this.#facts = await this.#api.ownChannel();
      this.#error = undefined;
    } catch (e) {
      this.#error = asApiError(e);
    }
  }
  async save(title: string, category: string) {
    const channel = await this.#api.setChannel({ title, category });
    if (this.#facts) this.#facts = { ...this.#facts, channel };
  }
}
