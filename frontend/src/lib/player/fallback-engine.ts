import { LIVE_OFFSET, type Engine, type EngineKind, type Fault, type Reading, type Report } from "./engine";

const REST = 2 * 60_000; // ms on the steady engine before the quick one is tried again; doubled each time
const SOON = 5000; // ms until the quick one is tried again when there is no steady one to be had

/** quick while it works, steady when it does not; and quick again later. steady's code is fetched only when it is needed. */
export function fallbackKind(quick: EngineKind, steady: EngineKind): EngineKind {
  return {
    name: quick.name,
    async load() {
      const make = await quick.load();
      return make && ((report) => new FallbackEngine(make, () => steady.load(), report));
    },
  };
}

type Make = (report: Report) => Engine;

export class FallbackEngine implements Engine {
  #quick: Make;
  #steady: () => Promise<Make | undefined>;
  #report: Report;
  #engine: Engine | undefined;
  #video: HTMLVideoElement | undefined;
  #url = "";
  #rest = REST;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #why: Fault | undefined; // why it is the steady one now

  constructor(quick: Make, steady: () => Promise<Make | undefined>, report: Report) {
    this.#quick = quick;
    this.#steady = steady;
    this.#report = report;
  }

  attach(video: HTMLVideoElement, url: string) {
    this.#video = video;
    this.#url = url;
    this.#become(this.#quick);
  }

  read(): Reading {
    const reading = this.#engine?.read() ?? {};
    return this.#why ? { ...reading, instead: this.#why.kind } : reading;
  }

  destroy() {
    clearTimeout(this.#timer);
    this.#engine?.destroy();
    this.#engine = this.#video = undefined;
  }

  #become(make: Make) {
    this.#engine?.destroy();
    const engine = make((fault) => this.#engine === engine && this.#heard(fault));
    this.#engine = engine;
    engine.attach(this.#video!, this.#url);
  }

  #heard(fault: Fault | null) {
    if (fault?.otherwise) void this.#giveWay(fault);
    else this.#report(fault);
  }

  async #giveWay(why: Fault) {
    let make: Make | undefined;
    try {
      make = await this.#steady();
    } catch {
      if (this.#video) this.#after(SOON); // its code did not arrive
      return;
    }
    if (!this.#video) return;
    if (!make) return this.#report({ kind: why.kind, final: true });
    this.#why = why;
    this.#become(make);
    if (why.kind === "codec") return; // it will not learn it
    this.#after(this.#rest);
    this.#rest *= 2;
  }

  #after(ms: number) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#back(), ms);
  }

  /** Only while nobody would notice much: who paused or went back keeps the place. */
  #back() {
    const away = this.#video?.paused || (this.#engine?.read().behind ?? 0) > LIVE_OFFSET;
    if (away && this.#why) return this.#after(REST);
    this.#why = undefined;
    this.#become(this.#quick);
  }
}
