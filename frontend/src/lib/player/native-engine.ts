import { Backoff, type Engine, type EngineKind, type Reading, type Report } from "./engine";

/** The browser's own HLS: for iPhones without Media Source Extensions. Comes after hls.js in the list, see hlsKind. */
export const nativeKind: EngineKind = {
  name: "native",
  async load() {
    const can = document.createElement("video").canPlayType("application/vnd.apple.mpegurl");
    return can ? (report) => new NativeEngine(report) : undefined;
  },
};

export class NativeEngine implements Engine {
  #report: Report;
  #backoff = new Backoff();
  #video: HTMLVideoElement | undefined;
  #url = "";
  #tried = false; // one reload after a decoder error

  constructor(report: Report) {
    this.#report = report;
  }

  attach(video: HTMLVideoElement, url: string) {
    this.#video = video;
    this.#url = url;
    video.addEventListener("error", this.#failed);
    video.addEventListener("playing", this.#flows);
    this.#load();
  }

  /** delay is not known: the element hides the playlist's clock, and ours may differ from the host's. */
  read(): Reading {
    const seekable = this.#video?.seekable;
    const path = "HLS of this browser";
    if (!this.#video || !seekable?.length) return { path };
    const edge = seekable.end(seekable.length - 1);
    return { path, behind: edge - this.#video.currentTime, edge, start: seekable.start(0) };
  }

  destroy() {
    this.#report = () => {};
    this.#backoff.stop();
    const video = this.#video;
    this.#video = undefined;
    if (!video) return;
    video.removeEventListener("error", this.#failed);
    video.removeEventListener("playing", this.#flows);
    video.removeAttribute("src");
    video.load();
  }

  #load() {
    if (!this.#video) return;
    this.#video.src = this.#url;
    this.#video.load();
  }

  #flows = () => {
    this.#backoff.reset();
    this.#report(null);
  };

  #failed = () => {
    const code = this.#video?.error?.code;
    if (code === 3 && this.#tried) return this.#report({ kind: "decode", final: true }); // MEDIA_ERR_DECODE
    this.#tried ||= code === 3;
    // MEDIA_ERR_SRC_NOT_SUPPORTED also stands for a 404 here: the stream may be a second old. Trying again is right for both.
    this.#report({ kind: "network", final: false });
    this.#backoff.again(() => this.#load());
  };
}
