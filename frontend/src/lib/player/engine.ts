/**
 * An engine brings one channel's media into a <video> element and knows where "live" is. It never decides about playing, pausing,
 * sound or seeking: that is Playback's. It recovers from what it can by itself and reports the rest.
 */
export interface Engine {
  /** Starts filling the element from url. Called once, but for an engine that began early: Playback says it again, and nothing happens. */
  attach(video: HTMLVideoElement, url: string): void;
  /** Where the element stands against the live stream. Cheap; called several times a second. */
  read(): Reading;
  /** Lets go of the element and ends every request. Nothing is reported afterwards. */
  destroy(): void;
}

/** "Live" means: at most this far behind where somebody who just joined would be. Farther, and following, a player jumps. */
export const LIVE_OFFSET = 1.5; // s

/** All in seconds; undefined while not known. */
export interface Reading {
  delay?: number; // measured: from the host having it to the screen showing it
  behind?: number; // behind where somebody who just joined would be; 0 or less is live
  edge?: number; // media time of that place, to seek to
  start?: number; // earliest media time that the host still has; before it an engine jumps to live

  // For whoever wants to know how it works here.
  path?: string; // how the media comes: push, LL-HLS, HLS of the browser
  ahead?: number; // buffered and not shown yet
  codecs?: string; // as RFC 6381 writes them
  bitrate?: number; // bit/s that arrive
  interval?: number; // between the last two key frames
  reconnects?: number;
  instead?: Fault["kind"]; // why it is not the quickest path
  missed?: number; // pictures left out because this device was too slow
}

/**
 * What went wrong. network: no answer, tried again until it works. codec: this browser lacks the decoder. decode: the decoder gave up
 * twice. unsupported: no engine at all. Only a final one ends the try. otherwise: another engine may do better.
 */
export type Fault = { kind: "network" | "codec" | "decode" | "unsupported"; final: boolean; otherwise?: boolean };

/** null: it works again. */
export type Report = (fault: Fault | null) => void;

/** A kind of engine that may or may not work here. load fetches its code and answers with a maker, or undefined when this browser cannot. */
export interface EngineKind {
  readonly name: string;
  load(): Promise<((report: Report) => Engine) | undefined>;
}

/** The first kind that works here; order is preference. */
export async function pick(kinds: EngineKind[]): Promise<((report: Report) => Engine) | undefined> {
  for (const kind of kinds) {
    const make = await kind.load();
    if (make) return make;
  }
  return undefined;
}

/** Waits that double, for trying again: 1, 2, 4, 8, 8 … s. */
export class Backoff {
  #next = 1000;
  #timer: ReturnType<typeof setTimeout> | undefined;

  again(act: () => void) {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      act();
    }, this.#next);
    this.#next = Math.min(this.#next * 2, 8000);
  }
  /** It worked: the next trouble begins small again. */
  reset() {
    this.#next = 1000;
  }
  stop() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
