import { asApiError, type ApiError } from "../api/error";

/** An answer that is asked for again and again while the page is looked at; the last one is kept through a hiccup. */
export class Asking<T> {
  #ask: () => Promise<T>;
  #every: number;
  #now = $state.raw<T>();
  #error = $state.raw<ApiError>();

  /** every: ms from an answer to the next question. */
  constructor(ask: () => Promise<T>, every: number) {
    this.#ask = ask;
    this.#every = every;
  }
  get now(): T | undefined {
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
      if (!over) timer = setTimeout(ask, this.#every);
    };
    void ask();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }
  async load() {
    try {
      this.#now = await this.#ask();
      this.#error = undefined;
    } catch (e) {
      this.#error = asApiError(e);
    }
  }
  /** Puts what is known already in place of the answer. */
  protected put(now: T) {
    this.#now = now;
  }
}
