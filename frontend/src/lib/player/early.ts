import type { Engine, Fault, Report } from "./engine";
import { mediaSource } from "./media-buffer";
import { PushEngine } from "./push-engine";
import { viewerId } from "./viewer";

const HEAD_START = 150; // ms that the page waits at most: the channel may be off the air, or the network slow
const UNWANTED = 10_000; // ms until a player that no page has taken ends

/**
 * A player that begins while the pages' code is still on its way, silent and in a <video> that is on no page yet. The page of its channel
 * takes element and engine over; see Playback, which finds the picture there. Nobody else ever does.
 *
 * A browser opens a stream in steps that each need the page's main thread for a moment, and each waits while the page is being made and
 * laid out, which takes 0.1 s of it in one piece or two. So the page is made when the first media is buffered, 0.04 s later than it could
 * be; the rest goes on beside it. Medians of 36 visits, from going to the page to the first picture: 0.37 s; 0.42 s when the page is made
 * at once, 0.39 s when it waits until the picture is decoded, and 0.43 s without all this.
 */
export class Early {
  readonly channel: string;
  readonly viewer = viewerId();
  readonly video = document.createElement("video");
  /** When making the page no longer delays the picture. */
  readonly begun: Promise<void>;
  #engine: Engine | undefined;
  #fault: Fault | null = null; // what was reported before somebody listened
  #report: Report;
  #unwanted = setTimeout(() => this.drop(), UNWANTED);
  #taken = false;

  constructor(channel: string, Source: typeof MediaSource) {
    this.channel = channel;
    const { video } = this;
    const [begun, done] = promise();
    this.begun = begun;
    this.#report = (fault) => {
      this.#fault = fault;
      done();
    };
    setTimeout(done, HEAD_START);
    video.muted = video.playsInline = true;
    // As soon as it can, since iPhones fetch no picture before. Refused: Playback asks for a tap.
    video.addEventListener("loadedmetadata", () => video.play().catch(() => {}), { once: true });
    this.#engine = new PushEngine(Source, this.viewer, (fault) => this.#report(fault));
    this.#engine.attach(video, `/hls/${channel}/index.m3u8`);
  }

  /** undefined where push does not play. It never throws: all of the pages wait for it. */
  static begin(channel: string): Early | undefined {
    const Source = mediaSource();
    try {
      return Source && new Early(channel, Source);
    } catch {
      return undefined; // whoever plays it later will say what is wrong
    }
  }

  /** For the page of a channel: this, the first time that its own is asked for. */
  take(channel: string): Early | undefined {
    if (this.#taken || channel !== this.channel || !this.#engine) return undefined;
    this.#taken = true;
    clearTimeout(this.#unwanted);
    return this;
  }

  /** The engine as it runs, once; undefined when it has ended, as another would. report hears what it finds from now on. */
  adopt(report: Report): Engine | undefined {
    const engine = this.#engine;
    if (this.#fault?.final) this.drop();
    if (!engine || this.#fault?.final) return undefined;
    this.#engine = undefined;
    this.#report = report;
    // Not before the caller has the engine: what is reported is about it.
    if (this.#fault) queueMicrotask(() => report(this.#fault));
    return engine;
  }

  /** Ends it, unless somebody has adopted the engine. */
  drop() {
    clearTimeout(this.#unwanted);
    this.#engine?.destroy();
    this.#engine = undefined;
  }
}

function promise(): [Promise<void>, () => void] {
  let done!: () => void;
  return [new Promise<void>((d) => (done = d)), done];
}
