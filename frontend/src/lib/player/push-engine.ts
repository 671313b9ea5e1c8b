import { socketUrl } from "../api/socket";
import { Backoff, type Engine, type EngineKind, type Reading, type Report } from "./engine";
import { LiveEdge, PICTURES } from "./live-edge";
import { MediaBuffer, mediaSource } from "./media-buffer";
import { Meter } from "./meter";
import { PushSocket } from "./push-socket";
import type { Message } from "./push-wire";
import { Rest } from "./rest";
import { Steering } from "./steering";

/** One picture at a time over a WebSocket: about a sixth of a second behind the camera. viewer as for hlsKind, early as for engines. */
export function pushKind(viewer: string, early?: { adopt(report: Report): Engine | undefined }): EngineKind {
  return {
    name: "push",
    async load() {
      const Source = mediaSource();
      return Source && "WebSocket" in window ? (report) => early?.adopt(report) ?? new PushEngine(Source, viewer, report) : undefined;
    },
  };
}

const TRIES = 2; // sockets in a row that bring nothing, though the host answers
const STALLS = 3; // within STALL_TIME: the network is not up to this
const STALL_TIME = 10_000; // ms
const AGAIN = 2000; // ms until a channel that is not on air is asked for again: it may be between two publishers
const QUIET = 400; // ms without a picture

export class PushEngine implements Engine {
  #Source: typeof MediaSource;
  #viewer: string;
  #report: Report;
  #video!: HTMLVideoElement;
  #channel = "";
  #socket: PushSocket | undefined;
  #media: MediaBuffer | undefined;
  #edge = new LiveEdge(PICTURES);
  #steering!: Steering;
  #backoff = new Backoff();
  #rest!: Rest;
  #again: ReturnType<typeof setTimeout> | undefined;
  #begun = false; // the playing position was set
  #over = false;
  #fruitless = 0;
  #stalls: number[] = [];
  #dry = false; // it stalled, and what comes next says whose fault that was
  #newest: { end: number; at: number } | undefined;
  #at = 0; // arrival of the newest message, host's clock
  #number = 0; // of that message
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
    if (this.#video === video) return; // it was early, and goes on
    this.#video = video;
    this.#channel = url.split("/")[2] ?? "";
    this.#steering = new Steering(video, this.#edge, () => (this.#begun ? this.#media?.newest : undefined), () => this.#stalled());
    video.addEventListener("timeupdate", this.#moved);
    this.#rest = new Rest(video, () => this.#shut(), () => this.#wake());
    this.#open();
  }

  read(): Reading {
    const run = this.#media?.newest;
    const now = this.#socket?.now;
    const at = this.#video?.currentTime ?? 0;
    const edge = this.#steering?.live;
    return {
      path: "push",
      delay: now !== undefined && this.#newest ? (now - this.#newest.at) / 1000 + (this.#newest.end - at) : undefined,
      behind: edge === undefined ? undefined : edge - at,
      edge,
      start: run?.start,
      ahead: run && run.end - at,
      codecs: this.#codecs || undefined,
      bitrate: this.#bytes.bitrate,
      interval: this.#keys.length === 2 ? (this.#keys[1]! - this.#keys[0]!) / 1000 : undefined,
      reconnects: this.#reconnects,
      missed: this.#missed,
    };
  }

  destroy() {
    this.#over = true;
    this.#shut();
    this.#rest.destroy();
    this.#video.removeEventListener("timeupdate", this.#moved);
    this.#steering.destroy();
    this.#media?.close();
    this.#media = undefined;
  }

  #open() {
    this.#socket = new PushSocket(socketUrl(location, "/push"), this.#channel, this.#viewer, {
      on: (codecs) => this.#on(codecs),
      off: () => this.#off(),
      message: (m) => this.#take(m),
      missed: (n) => (this.#missed += n),
      down: () => void this.#down(),
    });
  }

  #shut() {
    clearTimeout(this.#again);
    this.#backoff.stop();
    this.#socket?.close();
    this.#socket = undefined;
  }

  #on(codecs: string) {
    const type = `video/mp4; codecs="${codecs}"`;
    if (!MediaBuffer.supports(type)) return this.#giveWay("codec");
    if (this.#media && codecs !== this.#codecs) this.#change(codecs, type);
    this.#codecs = codecs;
    if (this.#media) return;
    this.#media = new MediaBuffer(this.#video, this.#Source, () => this.#grew(), () => this.#giveWay("decode"));
    this.#media.become(type);
  }

  /** Other codecs go into the same buffer; another number of tracks, such as sound that is new, never does. */
  #change(codecs: string, type: string) {
    const tracks = (list: string) => list.split(",").length;
    if ("changeType" in SourceBuffer.prototype && tracks(codecs) === tracks(this.#codecs)) return this.#media!.become(type);
    this.#media!.close();
    this.#media = this.#newest = undefined;
    this.#begun = false;
  }

  #take(m: Message) {
    if (!this.#media) return;
    this.#media.append(m.data);
    this.#fruitless = 0;
    this.#backoff.reset();
    if (m.init) return;
    if (this.#dry) this.#blame(m);
    [this.#at, this.#number] = [m.at, m.number];
    this.#bytes.add(m.data.length);
    if (m.key) this.#keys = [...this.#keys.slice(-1), m.at];
  }

  #grew() {
    const run = this.#media?.newest;
    if (!run || this.#over) return;
    this.#newest = { end: run.end, at: this.#at };
    this.#report(null);
    if (this.#begun) return this.#steering.steer();
    this.#begun = true;
    this.#steering.begin(); // not at the key frame that the host begins with
    this.#rest.look(); // perhaps nobody has looked yet
  }

  #moved = () => this.#steering.steer();

  /** A picture that came lately, and yet too late, is the network's doing; else the next one tells. */
  #stalled() {
    const now = this.#socket?.now;
    if (now === undefined) return;
    if (now - this.#at > QUIET) this.#dry = true;
    else this.#lacked();
  }

  /** The first picture after a stall. Where it reached the host long after the one before, the publisher paused, and not the way to us. */
  #blame(m: Message) {
    this.#dry = false;
    if (m.at - this.#at <= QUIET || m.number > this.#number + 1) this.#lacked();
  }

  #lacked() {
    const t = Date.now();
    this.#edge.stalled(t);
    this.#stalls = [...this.#stalls.filter((s) => t - s < STALL_TIME), t];
    if (this.#stalls.length >= STALLS) this.#giveWay("network");
  }

  #off() {
    clearTimeout(this.#again);
    this.#again = setTimeout(() => this.#socket?.watch(), AGAIN);
  }

  /**
   * A host that is gone takes every path with it, and a socket that was asked for while a cable was out says nothing of the socket: only
   * those count that bring nothing while the host answers otherwise.
   */
  async #down() {
    this.#socket = undefined;
    this.#reconnects++;
    this.#report({ kind: "network", final: false });
    if (!this.#over && !this.#rest.resting) this.#backoff.again(() => this.#open());
    if ((await answers()) && ++this.#fruitless >= TRIES) this.#giveWay("network");
  }

  #giveWay(kind: "network" | "codec" | "decode") {
    if (this.#over) return;
    this.#over = true;
    this.#shut();
    this.#report({ kind, final: true, otherwise: true });
  }

  /** After a rest it begins again, live. */
  #wake() {
    if (this.#over) return;
    this.#steering.follow();
    this.#open();
  }
}

/** Whether the host answers at all. */
async function answers(): Promise<boolean> {
  try {
    return (await fetch("/api/health", { cache: "no-store", signal: AbortSignal.timeout(3000) })).ok;
  } catch {
    return false;
  }
}
