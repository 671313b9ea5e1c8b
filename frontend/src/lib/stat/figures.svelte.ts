import type { Api } from "../api/client";
import type { Figures } from "../api/types";
import { Asking } from "../state/asking.svelte";

const EVERY = 1000; // ms; rates are made once a second

/** What goes through the host. */
export class Flow extends Asking<Figures> {
  constructor(api: Api) {
    super(() => api.stat(), EVERY);
  }
}
