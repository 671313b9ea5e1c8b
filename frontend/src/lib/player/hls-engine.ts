import type HlsClass from "hls.js";
import type { ErrorData, HlsConfig, LevelDetails } from "hls.js";
import { Backoff, type Engine, type EngineKind, type Fault, type Reading, type Report } from "./engine";
import { LiveEdge, parts } from "./live-edge";
import { newestRun, type Run } from "./media-buffer";
import { Meter } from "./meter";
import { Rest } from "./rest";
import { Steering } from "./steering";

/**
 * LL-HLS through Media Source Extensions. Preferred to the browser's own HLS wherever it works: Chromium claims "maybe" for native HLS
 * and then plays it seconds late. viewer is this player's id, by which the host counts viewers; see viewer.ts.
 */
export function hlsKind(viewer: string): EngineKind {
  return {
    name: "hls.js",
    async load() {
      const { default: Hls } = await import("hls.js/light"); // 370 kB, fetched only where push does not do
      return Hls.isSupported() ? (report) => new HlsEngine(Hls, viewer, report) : undefined;
    },
  };
}

/** hls.js settings that differ from its defaults, each for a reason. liveSyncDurationCount stays unset: it would override PART-HOLD-BACK. */
export function settings(viewer: string): Partial<HlsConfig> {
  return {
    lowLatencyMode: true,
    backBufferLength: 30, // s; WebKit's memory grows for hours without it
    liveSyncOnStallIncrease: 0, // by default each stall adds a second of delay for good
    xhrSetup(xhr, url) {
      xhr.open("GET", url, true); // headers may be set on an opened request only
      xhr.setRequestHeader("X-Echotv-Viewer", viewer);
    },
  };
}

const STUCK = 2500; // ms without media, while the playlist has as much more

/**
 * hls.js fetches and appends; where to begin and where to play is decided here. Left alone it begins PART-HOLD-BACK behind, never makes
 * up the time that its start took, and waits for ever when the segment at that place has no key frame.
 */
export class HlsEngine implements Engine {
  #hls: HlsClass;
  #Hls: typeof HlsClass;
  #report: Report;
  #backoff = new Backoff();
  #url = "";
  #video: HTMLVideoElement | undefined;
  #recovered = false; // one decoder recovery per half minute of good picture
  #good: ReturnType<typeof setTimeout> | undefined;
  #edge: LiveEdge | undefined;
  #steering: Steering | undefined;
  #caughtUp = false; // all that the playlist lists is buffered, or was once
  #grewAt = 0;
  #bytes = new Meter();
  #reconnects = 0;
  #rest: Rest | undefined;
  #woken = false; // the playlist that comes next is the first after a rest

  constructor(Hls: typeof HlsClass, viewer: string, report: Report) {
    this.#Hls = Hls;
    this.#report = report;
    this.#hls = new Hls(settings(viewer));
    this.#hls.on(Hls.Events.ERROR, (_, data) => data.fatal && this.#fatal(data));
    this.#hls.on(Hls.Events.LEVEL_UPDATED, (_, { details }) => this.#listed(details));
    this.#hls.on(Hls.Events.FRAG_LOADED, (_, { frag, part }) => this.#bytes.add((part ?? frag).stats.loaded));
    this.#hls.on(Hls.Events.FRAG_BUFFERED, () => this.#flows());
  }

  attach(video: HTMLVideoElement, url: string) {
    this.#url = url;
    this.#video = video;
    this.#rest = new Rest(video, () => this.#sleep(), () => this.#wake());
    this.#hls.attachMedia(video);
    this.#hls.loadSource(url);
  }

  read(): Reading {
    const at = this.#video?.currentTime ?? 0;
    const run = this.#run;
    const details = this.#hls.latestLevelDetails;
    const edge = this.#steering?.live ?? this.#hls.liveSyncPosition ?? undefined;
    return {
      path: "LL-HLS",
      delay: this.#hls.latency || undefined,
      behind: edge === undefined || !at ? undefined : edge - at,
      edge,
      start: details?.fragmentStart,
      ahead: run && run.end - at,
      codecs: this.#hls.levels?.[this.#hls.currentLevel]?.codecs,
      bitrate: this.#bytes.bitrate,
      interval: keyInterval(details),
      reconnects: this.#reconnects,
    };
  }

  destroy() {
    this.#report = () => {};
    this.#backoff.stop();
    clearTimeout(this.#good);
    this.#rest?.destroy();
    this.#steering?.destroy();
    this.#hls.destroy();
  }

  get #run(): Run | undefined {
    return newestRun(this.#video?.buffered);
  }

  #listed(details: LevelDetails) {
    if (!this.#edge) return this.#start(details);
    if (this.#woken) return this.#begin(details);
    if (this.#video!.paused) return; // a full buffer is not a stuck one
    const lacks = details.edge - (this.#run?.end ?? 0);
    if (Date.now() - this.#grewAt > STUCK && lacks * 1000 > STUCK) this.#begin(details);
  }

  #start(details: LevelDetails) {
    this.#edge = new LiveEdge(parts(details.partTarget || details.targetduration));
    this.#steering = new Steering(this.#video!, this.#edge, () => (this.#caughtUp ? this.#run : undefined), () => this.#edge!.stalled(Date.now()));
    this.#begin(details);
  }

  /** At the newest place where a decoder can start. hls.js would look for one only within the segment at the live position. */
  #begin(details: LevelDetails) {
    const at = newestKey(details);
    this.#grewAt = Date.now();
    this.#caughtUp = this.#woken = false;
    this.#hls.stopLoad();
    this.#hls.startLoad(at);
    if (this.#video!.readyState > 0) this.#video!.currentTime = at;
  }

  #flows() {
    this.#backoff.reset();
    this.#report(null);
    this.#grewAt = Date.now();
    if (this.#caughtUp) return this.#steering?.steer();
    const details = this.#hls.latestLevelDetails;
    if (!details || !this.#run || this.#run.end < details.edge - (details.partTarget || details.targetduration)) return;
    this.#caughtUp = true;
    this.#steering?.begin();
  }

  #sleep() {
    this.#backoff.stop();
    this.#hls.stopLoad();
  }

  /** After a rest it begins again, live: where, only the next playlist can tell. */
  #wake() {
    if (!this.#hls.latestLevelDetails) return this.#afresh();
    this.#woken = true;
    this.#steering?.follow();
    this.#hls.startLoad(-1);
  }

  #fatal(data: ErrorData) {
    const { ErrorTypes, ErrorDetails } = this.#Hls;
    if (data.type === ErrorTypes.NETWORK_ERROR) return this.#restart(data);
    const codec = [ErrorDetails.MANIFEST_INCOMPATIBLE_CODECS_ERROR, ErrorDetails.BUFFER_ADD_CODEC_ERROR].includes(data.details);
    if (codec) return this.#giveUp({ kind: "codec", final: true });
    if (data.type === ErrorTypes.MEDIA_ERROR && !this.#recovered) return this.#recover();
    this.#giveUp({ kind: "decode", final: true });
  }

  /** Never gives up: on a LAN the host comes back. A playlist that never arrived is asked for again from the top. */
  #restart(data: ErrorData) {
    this.#report({ kind: "network", final: false });
    this.#reconnects++;
    const fromTop = data.details.startsWith("manifest") || !this.#hls.latestLevelDetails;
    if (this.#rest?.resting) return; // it will ask again by itself
    this.#backoff.again(() => (fromTop ? this.#afresh() : this.#hls.startLoad()));
  }

  #afresh() {
    this.#steering?.destroy();
    this.#steering = this.#edge = undefined;
    this.#hls.loadSource(this.#url);
  }

  #recover() {
    this.#recovered = true;
    clearTimeout(this.#good);
    this.#good = setTimeout(() => (this.#recovered = false), 30_000);
    this.#hls.recoverMediaError();
  }

  #giveUp(fault: Fault) {
    this.#report(fault);
    this.#report = () => {}; // what it still had in hand is no picture that goes on
    this.#hls.stopLoad();
  }
}

/** Media time of the newest key frame that the playlist tells of; where it tells of none, of the oldest media. */
function newestKey(details: LevelDetails): number {
  return details.partList?.findLast((p) => p.independent)?.start ?? details.fragmentStart;
}

/** Seconds between the last two listed, rounded to parts. */
function keyInterval(details: LevelDetails | null | undefined): number | undefined {
  const [a, b] = details?.partList?.filter((p) => p.independent).slice(-2) ?? [];
  return a && b && b.start - a.start;
}
