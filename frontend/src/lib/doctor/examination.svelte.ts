import type { Api } from "../api/client";
import type { Report } from "../api/types";
import { asApiError, type ApiError } from "../api/error";

/** What the doctor found, and whether it is looking right now. An old report stays until the new one is there. */
export class Examination {
  #api: Api;
  #busy = $state(false);
  #error = $state.raw<ApiError>();
  #report = $state.raw<Report>();

  constructor(api: Api) {
    this.#api = api;
  }
  get busy(): boolean {
    return this.#busy;
  }
  get error(): ApiError | undefined {
    return this.#error;
  }
  get report(): Report | undefined {
    return this.#report;
  }
  async run() {
    if (this.#busy) return;
    this.#busy = true;
    this.#error = undefined;
    try {
      this.#report = await this.#api.examine();
    } catch (e) {
      this.#error = asApiError(e);
    } finally {
      this.#busy = false;
    }
  }
}
