import type { Engine, EngineKind, Fault, Reading, Report } from "./engine";

const REST = 2 * 60_000; // ms on the steady engine before the quick one is tried again; doubled each time

/** quick while it works, steady when it does not; and quick again later. */
export function fallbackKind(quick: EngineKind, steady: EngineKind): EngineKind {
  return {
    name: quick.name,
    async load() {
      const [first, second] = [await quick.load(), await steady.load()];
      return first && second ? (report) => new FallbackEngine(first, second, report) : first;
    },
  };
}

type Make = (report: Report) => Engine;

export class FallbackEngine implements Engine {
  #quick: Make;
  #steady: Make;
  #report: Report;
  #engine: Engine | undefined;
  #video: HTMLVideoElement | undefined;
  #url = "";
  #rest = REST;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #why: Fault | undefined; // why it is the steady one now

  constructor(quick: Make, steady: Make, report: Report) {
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
    if (this.#video) engine.attach(this.#video, this.#url);
  }

  #heard(fault: Fault | null) {
    if (!fault?.otherwise) return this.#report(fault);
    this.#why = fault;
    this.#become(this.#steady);
    if (fault.kind === "codec") return; // it will not learn it
    this.#timer = setTimeout(() => this.#back(), this.#rest);
    this.#rest *= 2;
  }

  /** Only while nobody would notice much: a paused picture stays. */
  #back() {
    if (this.#video?.paused) {
      this.#timer = setTimeout(() => this.#back(), REST);
      return;
    }
    this.#why = undefined;
    this.#become(this.#quick);
  }
}
