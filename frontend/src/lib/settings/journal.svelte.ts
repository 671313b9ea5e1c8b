import type { Api } from "../api/client";
import { asApiError, type ApiError } from "../api/error";
import type { LogRecord } from "../api/types";

const EVERY = 2000; // ms
const KEPT = 1000; // as many as the host keeps

export type Level = LogRecord["level"];
export const levels: Level[] = ["debug", "info", "warn", "error"];

/** What the log page shows: the records of the host, and which of them somebody wants to see. */
export class Journal {
  #api: Api;
  #all = $state.raw<LogRecord[]>([]);
  #last = 0;
  #error = $state.raw<ApiError>();
  #known = $state(false);
  least = $state<Level>("info");
  part = $state("");
  text = $state("");

  constructor(api: Api) {
    this.#api = api;
  }
  get known(): boolean {
    return this.#known;
  }
  get error(): ApiError | undefined {
    return this.#error;
  }
  get parts(): string[] {
    return [...new Set(this.#all.map((r) => r.part))].filter(Boolean).sort();
  }
  /** Those that were asked for, oldest first. */
  get shown(): LogRecord[] {
    const [least, words] = [levels.indexOf(this.least), this.text.toLowerCase().split(/\s+/).filter(Boolean)];
    return this.#all.filter((r) => levels.indexOf(r.level) >= least && (!this.part || r.part === this.part) && words.every((w) => line(r).toLowerCase().includes(w)));
  }
  /** Asks for what is new while following is true; call the answer to stop. */
  run(following: () => boolean): () => void {
    void this.load();
    const timer = setInterval(() => following() && document.visibilityState === "visible" && void this.load(), EVERY);
    return () => clearInterval(timer);
  }
  async load() {
    try {
      const fresh = await this.#api.logs(this.#last);
      const news = fresh.records.filter((r) => r.seq > this.#last);
      if (news.length) this.#all = [...this.#all, ...news].slice(-KEPT);
      this.#last = Math.max(this.#last, fresh.last);
      [this.#known, this.#error] = [true, undefined];
    } catch (e) {
      this.#error = asApiError(e);
    }
  }
}

/** One record as the terminal would show it. */
export function line(r: LogRecord): string {
  const attrs = r.attrs.map((a) => `${a.key}=${/[\s"=]/.test(a.value) || !a.value ? JSON.stringify(a.value) : a.value}`);
  return [r.at, r.level.toUpperCase(), r.part && `[${r.part}]`, r.message, ...attrs].filter(Boolean).join(" ");
}
