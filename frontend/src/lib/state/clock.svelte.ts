/**
 * The server's time, ticking once a second while the page lives. One for all: uptimes tick together.
 * A viewer's own clock may be minutes off on a LAN without internet, so the Date header of the server's answers corrects it.
 */
export class Clock {
  #now = $state(Date.now());
  #ahead = 0; // ms that the server is ahead of us

  /** Milliseconds since 1970, as the server would say. */
  get now(): number {
    return this.#now;
  }
  /** Seconds since an RFC 3339 time; 0 for none. */
  since(at: string | null): number {
    return at ? Math.max(0, (this.#now - Date.parse(at)) / 1000) : 0;
  }
  /** Seconds since the computer of a channel left; undefined while it is there. */
  gone(e: { presence: string; goneSince: string | null }): number | undefined {
    return e.presence === "gone" ? this.since(e.goneSince) : undefined;
  }
  /** Takes a Date header. It has whole seconds, so smaller differences say nothing. */
  correct(date: string | null) {
    const ahead = Date.parse(date ?? "") - Date.now();
    if (Number.isNaN(ahead)) return;
    this.#ahead = Math.abs(ahead) < 2000 ? 0 : ahead;
  }
  /** Starts ticking; call the answer to stop. */
  run(): () => void {
    const timer = setInterval(() => (this.#now = Date.now() + this.#ahead), 1000);
    return () => clearInterval(timer);
  }
}
