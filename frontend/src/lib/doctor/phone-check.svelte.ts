import type { Api } from "../api/client";
import type { Visit } from "../api/types";
import { asApiError, type ApiError } from "../api/error";

const EVERY = 700; // ms; a person looks from the phone to the screen

/** A check with a phone, as the host's screen follows it. */
export class PhoneCheck {
  #api: Api;
  #visit = $state.raw<Visit>();
  #error = $state.raw<ApiError>();

  constructor(api: Api) {
    this.#api = api;
  }
  get visit(): Visit | undefined {
    return this.#visit;
  }
  get error(): ApiError | undefined {
    return this.#error;
  }
  /** The phone came all the way. */
  get passed(): boolean {
    return this.#visit?.state === "ok";
  }
  async begin() {
    this.#error = undefined;
    try {
      this.#visit = await this.#api.beginCheck();
    } catch (e) {
      this.#error = asApiError(e);
    }
  }
  end() {
    this.#visit = undefined;
    this.#error = undefined;
  }
  /** Follows the check until it passed or its time is over; call the answer to stop. A failed one may still be tried again. */
  follow(): () => void {
    const timer = setInterval(() => void this.#look(), EVERY);
    return () => clearInterval(timer);
  }
  async #look() {
    const code = this.#visit?.code;
    if (!code || (this.passed && this.#visit?.back.says)) return;
    try {
      const seen = await this.#api.check(code);
      if (this.#visit?.code === code) this.#visit = seen;
      this.#error = undefined;
    } catch (e) {
      const error = asApiError(e);
      if (error.code === "not_found") this.#visit = undefined;
      this.#error = error;
    }
  }
}
