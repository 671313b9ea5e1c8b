import { asApiError, type ApiError } from "../api/error";

/** One thing a person asked for and waits on: whether it runs, and what came of it. Pressing twice does it once. */
export class Deed {
  #busy = $state(false);
  #error = $state.raw<ApiError>();

  get busy(): boolean {
    return this.#busy;
  }
  get error(): ApiError | undefined {
    return this.#error;
  }
  /** Runs it; true when it worked. While it runs, further calls do nothing. */
  async run(act: () => Promise<unknown>): Promise<boolean> {
    if (this.#busy) return false;
    this.#busy = true;
    this.#error = undefined;
    try {
      await act();
      return true;
    } catch (e) {
      this.#error = asApiError(e);
      return false;
    } finally {
      this.#busy = false;
    }
  }
  forget() {
    this.#error = undefined;
  }
}
