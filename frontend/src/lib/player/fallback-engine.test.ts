import { beforeEach, describe, expect, it, vi } from "vitest";
import { FakeKind } from "../test/fake-engine";
import type { Engine, Report } from "./engine";
import { fallbackKind } from "./fallback-engine";

const MINUTE = 60_000;
let quick: FakeKind, steady: FakeKind;
let v: HTMLVideoElement;
let engine: Engine;
const report = vi.fn<Report>();
const settle = () => vi.advanceTimersByTimeAsync(0);

async function gives(kind: "network" | "codec" | "decode") {
  quick.last.report({ kind, final: true, otherwise: true });
  await settle();
}

beforeEach(async () => {
  vi.useFakeTimers();
  report.mockClear();
  [quick, steady] = [new FakeKind(), new FakeKind()];
  v = document.createElement("video");
  engine = (await fallbackKind(quick, steady).load())!(report);
  engine.attach(v, "/hls/ann/index.m3u8");
  await v.play();
});

describe("FallbackEngine", () => {
  it("is the quick one, whose troubles it reports, and fetches no other", async () => {
    const load = vi.spyOn(steady, "load");
    quick.last.report({ kind: "network", final: false });
    quick.last.report(null);
    expect(report.mock.calls).toEqual([[{ kind: "network", final: false }], [null]]);
    quick.last.reading = { path: "push", delay: 0.1 };
    expect(engine.read()).toEqual({ path: "push", delay: 0.1 });
    expect(load).not.toHaveBeenCalled();
  });

  it("is nothing where the quick one cannot work", async () => {
    quick.works = false;
    expect(await fallbackKind(quick, steady).load()).toBeUndefined();
  });

  it("becomes the steady one without a word to the viewer, and tells who asks why", async () => {
    await gives("network");
    expect(report).not.toHaveBeenCalled();
    expect([quick.last.destroyed, steady.last.url]).toEqual([true, "/hls/ann/index.m3u8"]);
    steady.last.reading = { path: "LL-HLS" };
    expect(engine.read()).toEqual({ path: "LL-HLS", instead: "network" });
    steady.last.report({ kind: "decode", final: true });
    expect(report).toHaveBeenCalledWith({ kind: "decode", final: true });
  });

  it("comes back later, and waits twice as long the next time", async () => {
    await gives("network");
    await v.play();
    vi.advanceTimersByTime(2 * MINUTE);
    expect([quick.made.length, steady.last.destroyed, engine.read().instead]).toEqual([2, true, undefined]);
    await gives("network");
    await v.play();
    vi.advanceTimersByTime(2 * MINUTE);
    expect(quick.made).toHaveLength(2);
    vi.advanceTimersByTime(2 * MINUTE);
    expect(quick.made).toHaveLength(3);
  });

  it("does not take a paused picture away", async () => {
    await gives("network");
    await v.play();
    v.pause();
    vi.advanceTimersByTime(30 * MINUTE);
    expect(quick.made).toHaveLength(1);
    await v.play();
    vi.advanceTimersByTime(2 * MINUTE);
    expect(quick.made).toHaveLength(2);
  });

  it("does not take the place away from somebody who went back", async () => {
    await gives("network");
    await v.play();
    steady.last.reading = { behind: 12 };
    vi.advanceTimersByTime(4 * MINUTE);
    expect(quick.made).toHaveLength(1);
    steady.last.reading = { behind: 0.3 };
    vi.advanceTimersByTime(2 * MINUTE);
    expect(quick.made).toHaveLength(2);
  });

  it("does not come back to a codec that the browser lacks", async () => {
    await gives("codec");
    await v.play();
    vi.advanceTimersByTime(24 * 60 * MINUTE);
    expect(quick.made).toHaveLength(1);
  });

  it("tries the quick one again soon when the steady one's code does not arrive", async () => {
    vi.spyOn(steady, "load").mockRejectedValueOnce(new TypeError("import failed"));
    await gives("network");
    vi.advanceTimersByTime(5000);
    expect(quick.made).toHaveLength(2);
    expect(report).not.toHaveBeenCalled();
  });

  it("reports the end where there is no steady one", async () => {
    steady.works = false;
    await gives("codec");
    expect(report).toHaveBeenCalledWith({ kind: "codec", final: true });
  });

  it("hears nothing from an engine that was replaced, and stops for good when destroyed", async () => {
    const old = quick.last;
    await gives("network");
    old.report({ kind: "decode", final: true });
    expect(report).not.toHaveBeenCalled();
    engine.destroy();
    expect(steady.last.destroyed).toBe(true);
    vi.advanceTimersByTime(60 * MINUTE);
    expect([quick.made.length, vi.getTimerCount()]).toEqual([1, 0]);
  });

  it("makes no steady engine for somebody who left meanwhile", async () => {
    quick.last.report({ kind: "network", final: true, otherwise: true });
    engine.destroy();
    await settle();
    expect(steady.made).toHaveLength(0);
  });
});
