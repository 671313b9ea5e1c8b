import type HlsClass from "hls.js";
import type { ErrorData, HlsConfig } from "hls.js";
import { Backoff, type Engine, type EngineKind, type Fault, type Reading, type Report } from "./engine";

/**
 * LL-HLS through Media Source Extensions. Preferred to the browser's own HLS wherever it works: Chromium claims "maybe" for native HLS
 * and then plays it seconds late. viewer is this player's id, by which the host counts viewers; see viewer.ts.
 */
export function hlsKind(viewer: string): EngineKind {
  return {
    name: "hls.js",
    async load() {
      const { default: Hls } = await import("hls.js/light"); // 370 kB, fetched only when somebody watches
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

export class HlsEngine implements Engine {
  #hls: HlsClass;
  #Hls: typeof HlsClass;
  #report: Report;
  #backoff = new Backoff();
  #url = "";
  #video: HTMLVideoElement | undefined;
  #recovered = false; // one decoder recovery per half minute of good picture
  #good: ReturnType<typeof setTimeout> | undefined;

  constructor(Hls: typeof HlsClass, viewer: string, report: Report) {
    this.#Hls = Hls;
    this.#report = report;
    this.#hls = new Hls(settings(viewer));
    this.#hls.on(Hls.Events.ERROR, (_, data) => data.fatal && this.#fatal(data));
    this.#hls.on(Hls.Events.FRAG_BUFFERED, () => this.#flows());
  }

  attach(video: HTMLVideoElement, url: string) {
    this.#url = url;
    this.#video = video;
    this.#hls.attachMedia(video);
    this.#hls.loadSource(url);
  }

  read(): Reading {
    const edge = this.#hls.liveSyncPosition ?? undefined;
    const at = this.#video?.currentTime ?? 0;
    return { delay: this.#hls.latency || undefined, behind: edge === undefined || !at ? undefined : edge - at, edge, start: this.#hls.latestLevelDetails?.fragmentStart };
  }

  destroy() {
    this.#report = () => {};
    this.#backoff.stop();
    clearTimeout(this.#good);
    this.#hls.destroy();
  }

  #flows() {
    this.#backoff.reset();
    this.#report(null);
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
    const fromTop = data.details.startsWith("manifest") || !this.#hls.latestLevelDetails;
    this.#backoff.again(() => (fromTop ? this.#hls.loadSource(this.#url) : this.#hls.startLoad()));
  }

  #recover() {
    this.#recovered = true;
    clearTimeout(this.#good);
    this.#good = setTimeout(() => (this.#recovered = false), 30_000);
    this.#hls.recoverMediaError();
  }

  #giveUp(fault: Fault) {
    this.#report(fault);
    this.#hls.stopLoad();
  }
}
