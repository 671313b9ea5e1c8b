/**
 * Decides how close to the newest picture to play, and how to get there: gently faster, or by a jump. It knows seconds only; the
 * engine owns the element.
 *
 * The target is what must lie ahead in the buffer so that the next picture is there in time. It begins at what a wired LAN needs, grows
 * with every stall and shrinks again while none comes.
 */
export class LiveEdge {
  static readonly BASE = 0.1; // s ahead: three pictures at 30 fps
  static readonly MOST = 1.5;
  static readonly STEP = 0.12; // added by a stall
  static readonly EASE = 0.01; // taken back per quiet second
  static readonly FAR = 0.7; // s beyond the target: jump instead of hurrying
  static readonly HURRY = 1.08;

  #target = LiveEdge.BASE;
  #eased = 0;
  #hurrying = false;

  get target(): number {
    return this.#target;
  }

  stalled(now: number) {
    this.#target = Math.min(LiveEdge.MOST, this.#target + LiveEdge.STEP);
    this.#eased = now + 5000;
  }

  /** What to do with that many seconds of buffer ahead; now in ms. Changing the rate is not allowed everywhere, a jump is. */
  step(ahead: number, now: number, mayHurry: boolean): { rate: number; jump: boolean } {
    this.#ease(now);
    const over = ahead - this.#target;
    if (over > LiveEdge.FAR) {
      this.#hurrying = false;
      return { rate: 1, jump: true };
    }
    if (over > 0.06) this.#hurrying = true;
    if (over < 0.02) this.#hurrying = false;
    return { rate: this.#hurrying && mayHurry ? LiveEdge.HURRY : 1, jump: false };
  }

  #ease(now: number) {
    if (!this.#eased || now < this.#eased) return;
    this.#target = Math.max(LiveEdge.BASE, this.#target - LiveEdge.EASE);
    this.#eased = now + 1000;
  }
}
