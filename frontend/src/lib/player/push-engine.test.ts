import { beforeEach, describe, expect, it, vi } from "vitest";
import { fakeMedia, FakeMediaSource, FakeSocket } from "../test/fake-media";
import type { Report } from "./engine";
import { PICTURES } from "./live-edge";
import { PushEngine } from "./push-engine";

const CODECS = "avc1.64001f,mp4a.40.2";
let v: HTMLVideoElement;
let engine: PushEngine;
const report = vi.fn<Report>();
const host = () => FakeSocket.last;
const buffer = () => FakeMediaSource.last.buffer;
const settle = () => vi.advanceTimersByTimeAsync(0);
let healthy = true; // whether the host answers at all

/** The element as far as it matters here. */
const element = { readyState: 4, seeking: false };

/** One picture that makes the buffer reach to end. */
async function picture(end: number, change: { key?: boolean; from?: number; at?: number; number?: number } = {}) {
  const r = buffer().ranges;
  if (change.from !== undefined) r.push([change.from, end]);
  else if (r.length) r.at(-1)![1] = end;
  else r.push([end - 2, end]);
  host().bring({ key: change.key ?? false, at: change.at, number: change.number });
  await settle();
}

/** On air, with two seconds up to end. */
async function begin(end = 20) {
  host().open();
  host().say({ pong: performance.now(), now: Date.now() });
  host().say({ on: "ann", tag: 7, codecs: CODECS });
  host().bring({ init: true });
  await settle();
  await picture(end, { key: true });
}
async function playing(end = 20) {
  await begin(end);
  await v.play();
}

/** Time without pictures, but with a host that answers. */
async function pass(seconds: number) {
  for (let s = 0; s < seconds; s++) {
    host().say({ pong: performance.now(), now: Date.now() });
    await vi.advanceTimersByTimeAsync(1000);
  }
}

function hide(hidden: boolean) {
  vi.spyOn(document, "hidden", "get").mockReturnValue(hidden);
  document.dispatchEvent(new Event("visibilitychange"));
}
const stall = () => v.dispatchEvent(new Event("waiting"));
const gaveWay = (kind: string) => expect(report).toHaveBeenLastCalledWith({ kind, final: true, otherwise: true });

beforeEach(() => {
  vi.useFakeTimers();
  fakeMedia();
  report.mockClear();
  healthy = true;
  vi.stubGlobal("fetch", async () => {
    if (!healthy) throw new TypeError("no route");
    return { ok: true };
  });
  Object.assign(element, { readyState: 4, seeking: false });
  vi.spyOn(navigator, "userAgent", "get").mockReturnValue("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0.0.0 Safari/537.36");
  v = document.createElement("video");
  Object.defineProperty(v, "readyState", { get: () => element.readyState });
  Object.defineProperty(v, "seeking", { get: () => element.seeking });
  let at = 0;
  Object.defineProperty(v, "currentTime", { get: () => at, set: (t: number) => ((at = t), v.dispatchEvent(new Event("seeking"))) });
  engine = new PushEngine(FakeMediaSource as unknown as typeof MediaSource, "viewer", report);
  engine.attach(v, "/hls/ann/index.m3u8");
});

describe("it begins", () => {
  it("with the channel of the address, on this page's host", () => {
    expect(host().url).toBe("ws://127.0.0.1:5175/push?watch=ann&viewer=viewer");
  });

  it("once, though Playback attaches what was early already", () => {
    engine.attach(v, "/hls/ann/index.m3u8");
    expect(FakeSocket.made).toHaveLength(1);
  });

  it("as close to now as it dares, though the host sends from the last key frame on", async () => {
    await playing(20);
    expect(v.currentTime).toBeCloseTo(20 - PICTURES.base);
    expect(report).toHaveBeenLastCalledWith(null);
  });

  it("at what has come while the decoder worked", async () => {
    await begin(20);
    element.seeking = true;
    await picture(20.6);
    element.seeking = false;
    v.dispatchEvent(new Event("playing"));
    expect(v.currentTime).toBeCloseTo(20.6 - PICTURES.base);
  });
});

describe("it stays live", () => {
  it("does not take a decoder that warms up for a bad network", async () => {
    await playing(20);
    const ahead = () => 20 - engine.read().edge!;
    v.dispatchEvent(new Event("playing"));
    stall();
    expect(ahead()).toBeCloseTo(PICTURES.base);
    await vi.advanceTimersByTimeAsync(2000);
    await picture(20);
    stall();
    expect(ahead()).toBeGreaterThan(PICTURES.base + 0.1);
  });

  it("by hurrying a little, and by a jump when it is far", async () => {
    await playing(20);
    await picture(20.3);
    expect(v.playbackRate).toBe(1.08);
    await picture(20.005);
    expect(v.playbackRate).toBe(1);
    await picture(21);
    expect([v.currentTime, v.playbackRate]).toEqual([21 - PICTURES.base, 1]);
  });

  it("keeps the rate at 1 in WebKitGTK while it is silent: a change would give it sound", async () => {
    vi.spyOn(navigator, "userAgent", "get").mockReturnValue("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/605.1.15 Version/18 Safari/605.1.15");
    v.muted = true;
    await playing(20);
    document.dispatchEvent(new Event("keydown"));
    await picture(20.3);
    expect(v.playbackRate).toBe(1);
    v.muted = false;
    await picture(20.31);
    expect(v.playbackRate).toBe(1.08);
  });

  it("leaves alone who went back or paused, until they are live again", async () => {
    await playing(20);
    v.currentTime = 18.5;
    await picture(20.1);
    expect([v.currentTime, v.playbackRate]).toEqual([18.5, 1]);
    v.currentTime = 20; // go live
    await picture(20.2);
    v.pause();
    await picture(22);
    await v.play();
    await picture(22.1);
    expect(v.currentTime).toBe(20);
  });

  it("leaps over a hole, at once when there is nothing to show", async () => {
    await playing(20);
    await picture(25, { from: 24 });
    expect(v.currentTime).toBeCloseTo(25 - PICTURES.base);
    element.readyState = 2;
    await picture(25.3, { from: 25.1 });
    expect(v.currentTime).toBeCloseTo(25.3 - PICTURES.base);
  });

  it("finds its way out of a place where nothing will ever be", async () => {
    await playing(20);
    Object.assign(element, { readyState: 1, seeking: true });
    await picture(25, { from: 24 });
    expect(v.currentTime).toBeCloseTo(25 - PICTURES.base);
  });
});

describe("it tells", () => {
  it("what it knows", async () => {
    expect(engine.read()).toMatchObject({ path: "push", delay: undefined, behind: undefined, edge: undefined, bitrate: undefined });
    await playing(20);
    host().say({ slow: "ann", missed: 31 });
    vi.advanceTimersByTime(2000);
    await picture(22, { key: true });
    const r = engine.read();
    expect(r).toMatchObject({ codecs: CODECS, interval: 2, missed: 31, reconnects: 0, start: 18, edge: 22 - PICTURES.base });
    expect(r.ahead).toBeCloseTo(22 - v.currentTime);
    expect(r.delay).toBeCloseTo(22 - v.currentTime, 1);
  });
});

describe("when nobody watches", () => {
  it("it fetches nothing after half a minute paused, and begins again live", async () => {
    await playing(20);
    v.pause();
    await pass(31);
    expect(host().readyState).toBe(3);
    const before = FakeSocket.made.length;
    await v.play();
    expect(FakeSocket.made).toHaveLength(before + 1);
    host().open();
    host().say({ on: "ann", codecs: CODECS });
    await picture(60, { from: 58 });
    expect(v.currentTime).toBeCloseTo(60 - PICTURES.base);
  });

  it("hidden and silent is nobody; hidden with sound is somebody", async () => {
    v.muted = false;
    await playing(20);
    hide(true);
    await pass(31);
    expect(host().readyState).toBe(1);
    v.muted = true;
    v.dispatchEvent(new Event("volumechange"));
    await pass(31);
    expect(host().readyState).toBe(3);
    hide(false);
    expect(host().readyState).toBe(0);
  });

  it("a page opened in a tab behind rests too", async () => {
    v.muted = true;
    hide(true);
    await playing(20);
    await pass(31);
    expect(host().readyState).toBe(3);
  });

  it("nothing wakes it but somebody who looks", async () => {
    await playing(20);
    v.pause();
    host().say({ off: "ann" });
    await pass(31);
    const before = FakeSocket.made.length;
    await vi.advanceTimersByTimeAsync(120_000);
    expect(FakeSocket.made).toHaveLength(before);
  });
});

describe("it gives way", () => {
  it("at a codec that this browser lacks", () => {
    FakeMediaSource.known = /nothing/;
    host().open();
    host().say({ on: "ann", codecs: "hvc1" });
    gaveWay("codec");
  });

  it("after two sockets in a row that brought nothing, where the host answers otherwise", async () => {
    host().drop();
    expect(report).toHaveBeenLastCalledWith({ kind: "network", final: false });
    await vi.advanceTimersByTimeAsync(1000);
    host().drop();
    await settle();
    gaveWay("network");
    await vi.advanceTimersByTimeAsync(60_000);
    expect(FakeSocket.made).toHaveLength(2);
  });

  it("not when the host is gone as a whole: then it tries until it is back", async () => {
    await playing(20);
    healthy = false;
    host().drop();
    for (let i = 0; i < 5; i++) {
      await vi.advanceTimersByTimeAsync(8000);
      host().drop();
      await settle();
    }
    expect(report).toHaveBeenLastCalledWith({ kind: "network", final: false });
    await vi.advanceTimersByTimeAsync(8000);
    host().open();
    host().say({ on: "ann", codecs: CODECS });
    await picture(90, { from: 89 });
    expect(report).toHaveBeenLastCalledWith(null);
    expect(v.hasAttribute("src")).toBe(true);
    expect(engine.read().reconnects).toBe(6);
  });

  it("at three stalls in ten seconds", async () => {
    await playing(20);
    for (let i = 0; i < 3; i++) {
      vi.advanceTimersByTime(3000);
      await picture(20 + i);
      stall();
    }
    gaveWay("network");
  });

  it("also when pictures wait on the way for longer than the buffer lasts", async () => {
    await playing(20);
    const ahead = () => 20 - engine.read().edge!;
    for (let i = 0; i < 3; i++) {
      expect(ahead()).toBeCloseTo(PICTURES.base + i * PICTURES.step);
      const before = Date.now();
      await pass(2);
      stall();
      await picture(20, { at: before + 33 }); // the host had it all the time
      await picture(20);
    }
    gaveWay("network");
  });

  it("and when pictures were left out on the way", async () => {
    await playing(20);
    for (let i = 1; i <= 3; i++) {
      await pass(2);
      stall();
      await picture(20, { number: 1 + 40 * i });
    }
    gaveWay("network");
  });

  it("not when it was the publisher who paused", async () => {
    await playing(20);
    for (let i = 1; i <= 3; i++) {
      await pass(2);
      stall();
      await picture(20, { number: 1 + i });
    }
    expect(report).not.toHaveBeenCalledWith(expect.objectContaining({ final: true }));
    expect(20 - engine.read().edge!).toBeCloseTo(PICTURES.base);
  });

  it("not at stalls that are seldom, the publisher's, or a viewer's own", async () => {
    await playing(20);
    for (let i = 0; i < 5; i++) {
      vi.advanceTimersByTime(6000);
      await picture(20);
      stall();
    }
    vi.advanceTimersByTime(1000);
    for (let i = 0; i < 5; i++) stall(); // nothing reached the host for a second
    element.seeking = true;
    await picture(21);
    for (let i = 0; i < 5; i++) stall();
    expect(report).not.toHaveBeenCalledWith(expect.objectContaining({ final: true }));
  });

  it("when the decoder gives up, and says so once", async () => {
    await playing(20);
    buffer().dispatchEvent(new Event("error"));
    gaveWay("decode");
    report.mockClear();
    buffer().dispatchEvent(new Event("error"));
    stall();
    expect(report).not.toHaveBeenCalled();
  });
});

describe("the publisher", () => {
  it("may stop and come back: the same socket asks again, one request at a time", async () => {
    await playing(20);
    const { sent } = host();
    const asked = () => sent.filter((t) => "watch" in t).length;
    host().say({ off: "ann" });
    host().say({ off: "ann" });
    vi.advanceTimersByTime(2000);
    expect([asked(), FakeSocket.made.length]).toEqual([1, 1]);
    await picture(30, { from: 29 });
    expect(v.currentTime).toBeCloseTo(30 - PICTURES.base);
  });

  it("may come back with another picture: the same buffer goes on with another type", async () => {
    await playing(20);
    const src = v.src;
    host().say({ on: "ann", codecs: "avc1.42001e,mp4a.40.2" });
    host().bring({ init: true });
    await picture(22, { from: 21 });
    expect(buffer().log).toContain('type video/mp4; codecs="avc1.42001e,mp4a.40.2"');
    expect([v.src, v.currentTime.toFixed(1)]).toEqual([src, "21.9"]);
  });

  it("may come back without sound: only a new buffer can take that", async () => {
    await playing(20);
    const before = FakeMediaSource.last;
    host().say({ on: "ann", codecs: "avc1.64001f" });
    expect(FakeMediaSource.last).not.toBe(before);
    host().bring({ init: true });
    await settle();
    await picture(30);
    expect(buffer().type).toBe('video/mp4; codecs="avc1.64001f"');
    expect(v.currentTime).toBeCloseTo(30 - PICTURES.base);
  });
});

it("lets go of everything", async () => {
  engine.destroy();
  const removed = [vi.spyOn(document, "removeEventListener"), vi.spyOn(v, "removeEventListener")];
  const added = [vi.spyOn(document, "addEventListener"), vi.spyOn(v, "addEventListener")];
  engine = new PushEngine(FakeMediaSource as unknown as typeof MediaSource, "viewer", report);
  engine.attach(v, "/hls/ann/index.m3u8");
  await playing(20);
  await picture(20.3);
  v.pause();
  report.mockClear();
  engine.destroy();
  for (const i of [0, 1]) expect(removed[i]!.mock.calls.map(([type]) => type).sort()).toEqual(added[i]!.mock.calls.map(([type]) => type).sort());
  expect([v.playbackRate, v.hasAttribute("src"), host().readyState]).toEqual([1, false, 3]);
  buffer().dispatchEvent(new Event("error"));
  host().drop();
  document.dispatchEvent(new Event("visibilitychange"));
  await vi.advanceTimersByTimeAsync(120_000);
  expect(report).not.toHaveBeenCalled();
  expect(FakeSocket.made).toHaveLength(2); // the first engine's and this one's
});
