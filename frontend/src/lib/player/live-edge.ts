/** All in seconds, but hurry, which is a rate. */
export interface Pace {
  base: number; // ahead of the picture on a good network
  most: number; // ahead on the worst that is worth it
  step: number; // added by a stall
  ease: number; // taken back per quiet second
  far: number; // beyond the target: jump instead of hurrying
  hurry: number;
}

/**
 * For pictures one by one: four of them at 30 fps lie ahead. Chromium, hurrying, runs dry at 0.13 s, since stretching sound without
 * changing its pitch needs that much, and then waits for 0.4 to 0.8 s; at its own rate it plays with 0.12 s. So less here is more delay.
 */
export const PICTURES: Pace = { base: 0.15, most: 1.5, step: 0.12, ease: 0.01, far: 0.7, hurry: 1.08 };

/** For parts of that many seconds: one is shown while the next is on its way, and most of another for the way's whims. */
export const parts = (seconds: number): Pace => ({ base: seconds * 1.75, most: 3, step: seconds, ease: 0.02, far: 0.5, hurry: 1.08 });

/**
 * Decides how close to the newest picture to play, and how to get there: gently faster, or by a jump. It knows seconds only; Steering
 * owns the element.
 *
 * The target is what must lie ahead in the buffer so that the next picture is there in time. It begins at what a wired LAN needs, grows
 * with every stall and shrinks again while none comes.
 */
export class LiveEdge {
  static readonly QUIET = 5000; // ms after a stall before the target shrinks
  static readonly JUMP_REST = 5000; // ms; a jump makes a slow decoder start at the last key frame, and fall behind by that

  #pace: Pace;
  #target: number;
  #eased = 0;
  #jumped = -Infinity;
  #hurrying = false;

  constructor(pace: Pace) {
    this.#pace = pace;
    this.#target = pace.base;
  }

  get target(): number {
    return this.#target;
  }

  /** now in ms, as everywhere here. */
  stalled(now: number) {
    this.#target = Math.min(this.#pace.most, this.#target + this.#pace.step);
    this.#eased = now + LiveEdge.QUIET;
  }

  /** Whether that many seconds ahead are as good as live. */
  near(ahead: number): boolean {
    return ahead - this.#target <= this.#pace.far;
  }

  /** What to do with that many seconds of buffer ahead. Changing the rate is not allowed everywhere, a jump is. */
  step(ahead: number, now: number, mayHurry: boolean): { rate: number; jump: boolean } {
    this.#ease(now);
    const over = ahead - this.#target;
    if (!this.near(ahead) && now - this.#jumped >= LiveEdge.JUMP_REST) {
      this.#jumped = now;
      this.#hurrying = false;
      return { rate: 1, jump: true };
    }
    if (over > 0.04) this.#hurrying = true;
    if (over < 0.01) this.#hurrying = false;
    return { rate: this.#hurrying && mayHurry ? this.#pace.hurry : 1, jump: false };
  }

  #ease(now: number) {
    if (!this.#eased || now < this.#eased) return;
    this.#target = Math.max(this.#pace.base, this.#target - this.#pace.ease);
    this.#eased = now + 1000;
  }
}
