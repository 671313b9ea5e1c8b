import type { Api } from "../api/client";
import type { Series as Answer } from "../api/types";

const EVERY = 2000; // ms
const KEPT = 600; // samples, as many as the host keeps
const HOLE = 3; // s without a sample: the line is broken there

/** What is drawn: for each time one value a line, null where there was nothing. */
export interface Figures {
  at: number[]; // s since 1970
  bitrate: (number | null)[]; // kbit/s
  fps: (number | null)[];
  viewers: (number | null)[];
  keyInterval: (number | null)[]; // s
  late: (number | null)[]; // ms
}
const names = ["bitrate", "fps", "viewers", "keyInterval", "late"] as const;
const empty = (): Answer => ({ at: [], bitrate: [], fps: [], viewers: [], keyInterval: [], late: [] });

/** The last ten minutes of one channel. Asks for what is new while it runs and the page is looked at; keeps what it has through a hiccup. */
export class Series {
  #api: Api;
  #channel: string;
  #kept = $state.raw<Answer>(empty());

  constructor(api: Api, channel: string) {
    this.#api = api;
    this.#channel = channel;
  }
  get known(): boolean {
    return this.#kept.at.length > 0;
  }
  get figures(): Figures {
    return withHoles(this.#kept);
  }
  /** Asks now and again; call the answer to stop. */
  run(): () => void {
    void this.load();
    const timer = setInterval(() => document.visibilityState === "visible" && void this.load(), EVERY);
    return () => clearInterval(timer);
  }
  async load() {
    try {
      this.#kept = joined(this.#kept, await this.#api.series(this.#channel, this.#kept.at.at(-1) ?? 0));
    } catch {
      // the next round asks for the same again
    }
  }
}

/** Old and new together, the newest kept. An answer that came twice or late adds nothing. */
export function joined(old: Answer, fresh: Answer): Answer {
  const last = old.at.at(-1) ?? 0;
  const from = fresh.at.findIndex((t) => t > last);
  if (from < 0) return old;
  const all = empty();
  for (const n of ["at", ...names] as const) all[n] = [...old[n], ...fresh[n].slice(from)].slice(-KEPT);
  return all;
}

/** Breaks the lines where samples are missing, and leaves out what was not known. */
export function withHoles(s: Answer): Figures {
  const out: Figures = empty();
  s.at.forEach((t, i) => {
    const before = s.at[i - 1] ?? t;
    if (t - before > HOLE) {
      out.at.push(before + 1);
      for (const n of names) out[n].push(null);
    }
    out.at.push(t);
    for (const n of names) out[n].push(n === "keyInterval" && !s[n][i] ? null : s[n][i]!);
  });
  return out;
}

/** Means over three seconds each: a second has 29 or 31 of 30 pictures, as its bounds fall. */
export function evened(values: (number | null)[]): (number | null)[] {
  return values.map((v, i) => {
    const near = values.slice(Math.max(0, i - 2), i + 1).filter((n) => n !== null);
    return v === null ? null : near.reduce((a, b) => a + b, 0) / near.length;
  });
}

/** One row for each `seconds`, the newest first: means, and for lateness the worst. For the table. */
export function rows(f: Figures, seconds: number): { at: number; cells: (number | null)[] }[] {
  const groups = new Map<number, number[]>();
  f.at.forEach((t, i) => {
    const slot = Math.floor(t / seconds) * seconds;
    groups.set(slot, [...(groups.get(slot) ?? []), i]);
  });
  const fold = (n: (typeof names)[number], at: number[]) => {
    const known = at.map((i) => f[n][i]).filter((v) => v != null);
    if (!known.length) return null;
    return n === "late" ? Math.max(...known) : known.reduce((a, b) => a + b, 0) / known.length;
  };
  return [...groups].map(([at, group]) => ({ at, cells: names.map((n) => fold(n, group)) })).reverse();
}
