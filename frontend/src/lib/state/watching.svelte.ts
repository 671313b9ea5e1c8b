import type { Entry } from "../api/types";

/** What one viewer has seen of one channel: needed to tell "offline" from "went offline 12 s ago". Times by this machine's clock. */
export class Watching {
  #now: () => number;
  #state = "";
  #wasLive = false;
  #since = $state(0);
  #endedAt = $state<number>();
  #last = $state.raw<Entry>();

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }
  /** When the channel's state last changed, as far as we saw. */
  get since(): number {
    return this.#since;
  }
  /** When the broadcast we saw ended; undefined while none did, or another began. */
  get endedAt(): number | undefined {
    return this.#endedAt;
  }
  /** The channel as it was last told; it outlives the computer that has it. */
  get last(): Entry | undefined {
    return this.#last;
  }
  /** Takes each new entry. */
  see(entry: Entry | undefined) {
    this.#last = entry ?? this.#last;
    if (!entry || entry.state === this.#state) return;
    this.#state = entry.state;
    this.#since = this.#now();
    if (entry.state === "offline") {
      this.#endedAt = this.#wasLive ? this.#now() : undefined;
    } else {
      this.#wasLive ||= entry.state !== "starting";
      this.#endedAt = undefined;
    }
  }
}
