import type { Engine, Fault, Report } from "./engine";
import { mediaSource } from "./media-buffer";
import { PushEngine } from "./push-engine";
import { viewerId } from "./viewer";

const HEAD_START = 250; // ms that the page waits for the first picture at most
const NOTHING = 100; // ms; when no media has come by then, the channel is off the air or the network slow
const UNWANTED = 10_000; // ms until a player that no page has taken ends

/**
 * A player that begins while the pages' code is still on its way, silent and in a <video> that is on no page yet. The page of its channel
 * takes element and engine over; see Playback, which finds the picture there. Nobody else ever does.
 *
 * A browser opens a stream in ten steps that each need the page's main thread for a moment, and each waits while the page is being made
 * and laid out, which takes 0.1 s of it in one piece or two. So the page is made after the first picture is decoded: the picture is then
 * there with the page, 0.1 s sooner than if both went on at once.
 */
export class Early {
  readonly channel: string;
  readonly viewer = viewerId();
  readonly video = document.createElement("video");
  /** When making the page no longer delays the picture. */
  readonly decoded: Promise<void>;
  #engine: Engine | undefined;
  #fault: Fault | null = null; // what was reported before somebody listened
  #report: Report;
  #unwanted = setTimeout(() => this.drop(), UNWANTED);
  #taken = false;

  constructor(channel: string, Source: typeof MediaSource) {
    this.channel = channel;
    const { video } = this;
    const [decoded, done] = promise();
    this.decoded = decoded;
    this.#report = (fault) => {
      this.#fault = fault;
      if (fault) done();
    };
    video.muted = video.playsInline = true;
    video.addEventListener("loadeddata", done, { once: true });
    video.addEventListener("loadeddata", () => video.play().catch(() => {}), { once: true }); // refused: Playback asks for a tap
    this.#engine = new PushEngine(Source, this.viewer, (fault) => this.#report(fault));
    this.#engine.attach(video, `/hls/${channel}/index.m3u8`);
    setTimeout(() => this.#engine?.read().ahead === undefined && done(), NOTHING);
    setTimeout(done, HEAD_START);
  }

  /** undefined where push does not play. */
  static begin(channel: string): Early | undefined {
    const Source = mediaSource();
    return Source && new Early(channel, Source);
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
    if (this.#fault) report(this.#fault);
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
