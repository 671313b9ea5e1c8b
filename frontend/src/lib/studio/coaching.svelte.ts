import type { Api } from "../api/client";
import type { Broadcast, Coach } from "../api/types";

const EVERY = 2000; // ms
const ROUNDS = 15; // after so many the past is asked for again: the broadcast on air is in it

/** What the host says about one's own stream, and one's past broadcasts. Keeps the last answers through a hiccup; lib/studio/own.svelte.ts tells of those. */
export class Coaching {
  #api: Api;
  #coach = $state.raw<Coach>();
  #past = $state.raw<Broadcast[]>();

  constructor(api: Api) {
    this.#api = api;
  }
  get coach(): Coach | undefined {
    return this.#coach;
  }
  /** The newest first; undefined until they are known. */
  get past(): Broadcast[] | undefined {
    return this.#past;
  }
  /** Asks for advice now and again; call the answer to stop. */
  run(): () => void {
    const ask = async () => {
      this.#coach = await this.#api.coach().catch(() => this.#coach);
    };
    void ask();
    let round = 0;
    const timer = setInterval(() => {
      if (document.visibilityState !== "visible") return;
      void ask();
      if (++round % ROUNDS === 0) void this.look();
    }, EVERY);
    return () => clearInterval(timer);
  }
  /** Asks for the past broadcasts: they change when the channel does. */
  async look() {
    this.#past = await this.#api.broadcasts().catch(() => this.#past);
  }
}
