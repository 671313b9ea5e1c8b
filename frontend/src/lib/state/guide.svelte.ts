import type { Entry } from "../api/types";

/**
 * What is on now. Fed by the event socket (lib/api/events.ts); pages only read it.
 * "On" means anything but offline: starting and lost channels have a page worth opening.
 */
export class Guide {
  #entries = $state.raw<Entry[]>([]);
  #known = $state(false);
  #connected = $state(false);
  #lead = ""; // who is on the hero place

  /** False until the first list came. */
  get known(): boolean {
    return this.#known;
  }
  /** False while the line to the host is down; the list is then the last one known. */
  get connected(): boolean {
    return this.#connected;
  }
  get entries(): Entry[] {
    return this.#entries;
  }
  get on(): Entry[] {
    return this.#entries.filter((e) => e.state !== "offline");
  }
  /** What is on, on computers that answer; see Entry.presence. */
  get reachable(): Entry[] {
    return this.on.filter((e) => e.presence === "here");
  }
  get off(): Entry[] {
    return this.#entries.filter((e) => e.state === "offline");
  }
  find(channel: string): Entry | undefined {
    return this.#entries.find((e) => e.channel === channel);
  }
  set(entries: Entry[]) {
    const sorted = bySize(entries, this.#lead);
    this.#lead = sorted[0]?.state === "offline" ? "" : (sorted[0]?.channel ?? "");
    this.#entries = sorted;
    this.#known = true;
  }
  setConnected(on: boolean) {
    this.#connected = on;
  }
}

const ranks = { live: 0, lost: 1, starting: 2, offline: 4 };
const rank = (e: Entry) => (e.presence === "gone" && e.state !== "offline" ? 3 : ranks[e.state]);

/**
 * Live first, what is on a computer that left after all others that are on, most viewers first, names to settle ties. The leader keeps the first place until another has half as many viewers more,
 * so that two channels of about the same size do not swap under somebody's pointer.
 */
export function bySize(entries: Entry[], leader = ""): Entry[] {
  const sorted = [...entries].sort((a, b) => rank(a) - rank(b) || b.viewers - a.viewers || (a.channel < b.channel ? -1 : 1));
  const at = sorted.findIndex((e) => e.channel === leader);
  const old = sorted[at];
  const first = sorted[0];
  if (!old || !first || old === first || rank(old) !== rank(first) || first.viewers >= old.viewers * 1.5 + 1) return sorted;
  return [old, ...sorted.filter((e) => e !== old)];
}
