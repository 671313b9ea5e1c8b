import type { Engine, EngineKind, Reading, Report } from "./engine";
import { linuxWebKit } from "./here";
import { LiveEdge } from "./live-edge";
import { MediaBuffer, mediaSource } from "./media-buffer";
import { PushSocket } from "./push-socket";
import type { Message } from "./push-wire";

/** One picture at a time over a WebSocket: about a third of a second behind the camera. viewer as for hlsKind. */
export function pushKind(viewer: string): EngineKind {
  return {
    name: "push",
    async load() {
      const Source = mediaSource();
      return Source && "WebSocket" in window ? (report) => new PushEngine(Source, viewer, report) : undefined;
    },
  };
}

const PAUSE = 30_000; // ms paused or hidden in silence, after which nothing is fetched any more
const TRIES = 2; // sockets in a row that bring nothing
const STALLS = 3; // within STALL_TIME: the network is not up to this
const STALL_TIME = 10_000; // ms
const GAP = 0.3; // s between two runs of the buffer that are worth a jump

export class PushEngine implements Engine {
  #Source: typeof MediaSource;
  #viewer: string;
  #report: Report;
  #video!: HTMLVideoElement;
  #channel = "";
  #socket: PushSocket | undefined;
  #media: MediaBuffer | undefined;
  #edge = new LiveEdge();
  #rest: ReturnType<typeof setTimeout> | undefined;
  #again: ReturnType<typeof setTimeout> | undefined;
  #gesture = false;
  #begun = false; // the playing position was set
  #fruitless = 0;
  #stalls: number[] = [];
  #newest: { end: number; at: number } | undefined;
  #at = 0; // arrival of the newest message, host's clock
  #bytes = new Meter();
  #keys: number[] = []; // arrival of the last two key frames
  #reconnects = 0;
  #missed = 0;
  #codecs = "";

  constructor(Source: typeof MediaSource, viewer: string, report: Report) {
    this.#Source = Source;
    this.#viewer = viewer;
    this.#report = report;
  }

  attach(video: HTMLVideoElement, url: string) {
    this.#video = video;
    this.#channel = url.split("/")[2] ?? "";
    video.addEventListener("waiting", this.#stalled);
    video.addEventListener("timeupdate", this.#steer);
    video.addEventListener("pause", this.#restOrGo);
    video.addEventListener("play", this.#restOrGo);
    video.addEventListener("volumechange", this.#restOrGo);
    document.addEventListener("visibilitychange", this.#restOrGo);
    document.addEventListener("pointerdown", this.#touched, { once: true });
    document.addEventListener("keydown", this.#touched, { once: true });
    this.#open();
  }

  read(): Reading {
    const end = this.#media?.end;
    const now = this.#socket?.now;
    const at = this.#video?.currentTime ?? 0;
    const edge = end === undefined ? undefined : end - this.#edge.target;
    return {
      path: "push",
      delay: now !== undefined && this.#newest ? (now - this.#newest.at) / 1000 + (this.#newest.end - at) : undefined,
      behind: edge === undefined ? undefined : edge - at,
      edge,
      start: this.#media?.start,
      ahead: end === undefined ? undefined : end - at,
      codecs: this.#codecs,
      bitrate: this.#bytes.bitrate,
      interval: this.#keys.length === 2 ? (this.#keys[1]! - this.#keys[0]!) / 1000 : undefined,
      reconnects: this.#reconnects,
      missed: this.#missed,
    };
  }

  destroy() {
    this.#report = () => {};
    clearTimeout(this.#rest);
    clearTimeout(this.#again);
    const v = this.#video;
    v.removeEventListener("waiting", this.#stalled);
    v.removeEventListener("timeupdate", this.#steer);
    v.removeEventListener("pause", this.#restOrGo);
    v.removeEventListener("play", this.#restOrGo);
    v.removeEventListener("volumechange", this.#restOrGo);
    document.removeEventListener("visibilitychange", this.#restOrGo);
    document.removeEventListener("pointerdown", this.#touched);
    document.removeEventListener("keydown", this.#touched);
    this.#shut();
    if (v.playbackRate !== 1) v.playbackRate = 1;
    this.#media?.close();
    this.#media = undefined;
  }

  #open() {
    this.#socket = new PushSocket(`ws://${location.host}/push`, this.#channel, this.#viewer, {
      on: (codecs) => this.#on(codecs),
      off: () => this.#off(),
      message: (m) => this.#take(m),
      missed: (n) => (this.#missed += n),
      down: () => this.#down(),
    });
  }

  #shut() {
    this.#socket?.close();
    this.#socket = undefined;
  }

  #on(codecs: string) {
    const type = `video/mp4; codecs="${codecs}"`;
    if (!MediaBuffer.supports(type)) return this.#giveWay("codec");
    this.#codecs = codecs;
    if (this.#media) return this.#media.become(type);
    this.#media = new MediaBuffer(this.#video, this.#Source, () => this.#grew(), () => this.#giveWay("decode"));
    this.#media.become(type);
  }

  #take(m: Message) {
    if (!this.#media) return;
    this.#media.append(m.data);
    this.#fruitless = 0;
    if (m.init) return;
    this.#at = m.at;
    this.#bytes.add(m.data.length);
    if (m.key) this.#keys = [...this.#keys.slice(-1), m.at];
  }

  #grew() {
    const end = this.#media?.end;
    if (end === undefined) return;
    this.#newest = { end, at: this.#at };
    this.#report(null);
    if (!this.#begun) this.#begin();
    this.#steer();
  }

  /** The first picture: not at the key frame the host began with, but as close to now as the target allows. */
  #begin() {
    const { start, end } = this.#media!;
    this.#begun = true;
    this.#video.currentTime = Math.max(start!, end! - this.#edge.target);
  }

  #steer = () => {
    const { start, end } = this.#media ?? {};
    const v = this.#video;
    if (start === undefined || end === undefined || v.seeking || v.paused || !this.#begun) return;
    if (v.currentTime < start - GAP) {
      v.currentTime = Math.max(start, end - this.#edge.target); // a hole: the publisher was away, or we were too slow
      return;
    }
    const { rate, jump } = this.#edge.step(end - v.currentTime, Date.now(), this.#mayHurry());
    if (jump) v.currentTime = end - this.#edge.target;
    if (v.playbackRate !== rate) v.playbackRate = rate;
  };

  /** In WebKitGTK a change of rate un-mutes the element, which the autoplay rule then pauses, until somebody has pressed something. */
  #mayHurry(): boolean {
    return this.#gesture || !linuxWebKit(navigator.userAgent);
  }

  #touched = () => {
    this.#gesture = true;
  };

  #stalled = () => {
    if (!this.#begun || this.#video.seeking || this.#video.paused || this.#silentHost()) return;
    const now = Date.now();
    this.#edge.stalled(now);
    this.#stalls = [...this.#stalls.filter((t) => now - t < STALL_TIME), now];
    if (this.#stalls.length >= STALLS) this.#giveWay("network");
  };

  /** The publisher pauses, not the network to us: nothing a fallback could mend. */
  #silentHost(): boolean {
    const now = this.#socket?.now;
    return now === undefined || now - this.#at > 400;
  }

  #off() {
    this.#shut(); // the guide says when it is on again, and tunes us in afresh
    this.#again = setTimeout(() => this.#open(), 2000); // or it was between two publishers
  }

  #down() {
    this.#socket = undefined;
    if (++this.#fruitless >= TRIES) return this.#giveWay("network");
    this.#reconnects++;
    this.#report({ kind: "network", final: false });
    this.#again = setTimeout(() => this.#open(), 300);
  }

  #giveWay(kind: "network" | "codec" | "decode") {
    this.#shut();
    this.#report({ kind, final: true, otherwise: true });
  }

  /** Nobody sees or hears it: after a while nothing more is fetched. Then it begins again, live. */
  #restOrGo = () => {
    const idle = this.#video.paused || (document.hidden && this.#video.muted && !document.pictureInPictureElement);
    clearTimeout(this.#rest);
    this.#rest = undefined;
    if (idle) {
      if (this.#socket && this.#begun) this.#rest = setTimeout(() => this.#shut(), PAUSE);
    } else if (!this.#socket && this.#begun) {
      clearTimeout(this.#again);
      this.#open();
    }
  };
}

/** Bit rate over windows of two seconds. */
class Meter {
  #since = 0;
  #bytes = 0;
  bitrate: number | undefined;

  add(bytes: number) {
    const now = Date.now();
    this.#since ||= now;
    if (now - this.#since >= 2000) {
      this.bitrate = (this.#bytes * 8000) / (now - this.#since);
      this.#since = now;
      this.#bytes = 0;
    }
    this.#bytes += bytes;
  }
}
