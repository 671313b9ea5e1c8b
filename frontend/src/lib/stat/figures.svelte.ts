import type { Api } from "../api/client";
import { asApiError, type ApiError } from "../api/error";
import type { Figures } from "../api/types";

const EVERY = 1000; // ms; rates are made once a second

/** What goes through the host. Asks again while it runs and the page is looked at; keeps the last answer through a hiccup. */
export class Flow {
  #api: Api;
  #now = $state.raw<Figures>();
  #error = $state.raw<ApiError>();

  constructor(api: Api) {
    this.#api = api;
  }
  get now(): Figures | undefined {
    return this.#now;
  }
  get error(): ApiError | undefined {
    return this.#error;
  }
  /** Asks now and, one question after the other, again; call the answer to stop. */
  run(): () => void {
    let timer: ReturnType<typeof setTimeout>;
    let over = false;
    const ask = async () => {
      if (document.visibilityState === "visible") await this.load();
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
      this.#now = await this.#api.stat();
      this.#error = undefined;
    } catch (e) {
      this.#error = asApiError(e);
    }
  }
}
