import { linuxWebKit } from "./here";
import type { LiveEdge } from "./live-edge";
import type { Run } from "./media-buffer";

const GAP = 0.3; // s without media that are worth a jump while there is still something to show
const LATE = 0.15; // s that a start may cost without a second jump
const WARM_UP = 2000; // ms from the first picture: a decoder and a sound card that begin run dry once or twice, on any network

/**
 * Keeps a <video> at the live edge of what its engine buffers: hurries, jumps, leaps over holes, and leaves somebody alone who paused or
 * went back. The engine says where media is and when there is more.
 */
export class Steering {
  #video: HTMLVideoElement;
  #edge: LiveEdge;
  #newest: () => Run | undefined;
  #stalled: () => void;
  #trailing = false; // behind by the viewer's own wish
  #sought = NaN; // where we went ourselves
  #starting = false;
  #warm = 0; // when stalls begin to tell something about the network, ms; not before it plays

  /** newest: undefined for "not yet". stalled is told that the picture stands still for want of media. */
  constructor(video: HTMLVideoElement, edge: LiveEdge, newest: () => Run | undefined, stalled: () => void) {
    this.#video = video;
    this.#edge = edge;
    this.#newest = newest;
    this.#stalled = stalled;
    video.addEventListener("waiting", this.#waiting);
    video.addEventListener("seeking", this.#seeking);
    video.addEventListener("pause", this.#paused);
    video.addEventListener("playing", this.#playing);
  }

  /** Where live is, in media time. */
  get live(): number | undefined {
    const run = this.#newest();
    return run && Math.max(run.start, run.end - this.#edge.target);
  }

  /** To be called whenever there is more. */
  steer() {
    const v = this.#video;
    const run = this.#newest();
    if (!run) return;
    if (v.readyState < 2 && v.currentTime < run.start) return this.#go(this.live!); // nothing to show where we are, and there never will be
    if (v.seeking || v.paused) return;
    if (v.currentTime < run.start && (v.readyState < 3 || (!this.#trailing && run.start - v.currentTime > GAP))) {
      return this.#go(this.#trailing ? run.start : this.live!); // the publisher was away, or we were too slow
    }
    const ahead = run.end - v.currentTime;
    this.#trailing &&= !this.#edge.near(ahead);
    if (this.#trailing) return this.#rate(1);
    const { rate, jump } = this.#edge.step(ahead, Date.now(), this.#mayHurry());
    if (jump) this.#go(this.live!);
    this.#rate(rate);
  }

  /** Whatever the viewer did before, what comes now is to be seen live. */
  follow() {
    this.#trailing = false;
  }

  /** The first picture: at the newest that there is. Decoding up to it takes a while, which is made up for once it plays. */
  begin() {
    this.follow();
    this.#starting = true;
    this.#warm = Infinity;
    if (this.live !== undefined) this.#go(this.live);
  }

  /** Goes to a place in media time on the engine's behalf. */
  #go(to: number) {
    this.#sought = to;
    this.#video.currentTime = to;
  }

  destroy() {
    const v = this.#video;
    v.removeEventListener("waiting", this.#waiting);
    v.removeEventListener("seeking", this.#seeking);
    v.removeEventListener("pause", this.#paused);
    v.removeEventListener("playing", this.#playing);
    this.#rate(1);
  }

  #rate(rate: number) {
    if (this.#video.playbackRate !== rate) this.#video.playbackRate = rate;
  }

  /** In WebKitGTK a change of rate un-mutes the element. The autoplay rule then pauses it; who pressed a key before hears what they did not ask for. */
  #mayHurry(): boolean {
    return !this.#video.muted || !linuxWebKit(navigator.userAgent);
  }

  #playing = () => {
    const { live } = this;
    if (this.#starting && live !== undefined && live - this.#video.currentTime > LATE) this.#go(live);
    if (this.#starting) this.#warm = Date.now() + WARM_UP;
    this.#starting = false;
  };

  #paused = () => (this.#trailing = true);

  /** steer decides at once whether that is near enough to live. */
  #seeking = () => {
    if (Math.abs(this.#video.currentTime - this.#sought) > 0.05) this.#trailing = true;
  };

  #waiting = () => {
    const v = this.#video;
    if (this.#newest() && !v.seeking && !v.paused && Date.now() >= this.#warm) this.#stalled();
  };
}
