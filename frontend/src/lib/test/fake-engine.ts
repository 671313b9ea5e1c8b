import type { Engine, EngineKind, Reading, Report } from "../player/engine";

/** An engine without media: tests say where it stands and what it reports. */
export class FakeEngine implements Engine {
  url = "";
  destroyed = false;
  reading: Reading = {};
  report: Report;

  constructor(report: Report) {
    this.report = report;
  }
  #video: HTMLVideoElement | undefined;

  attach(video: HTMLVideoElement, url: string) {
    this.#video = video;
    this.url = url;
  }
  read() {
    return this.reading;
  }
  destroy() {
    this.destroyed = true;
    this.#video?.load(); // a real one takes its source away
  }
}

/** A kind that makes them and keeps them for inspection. */
export class FakeKind implements EngineKind {
  readonly name = "fake";
  made: FakeEngine[] = [];
  works = true;

  async load() {
    if (!this.works) return undefined;
    return (report: Report) => {
      const engine = new FakeEngine(report);
      this.made.push(engine);
      return engine;
    };
  }
  get last(): FakeEngine {
    return this.made.at(-1)!;
  }
}
