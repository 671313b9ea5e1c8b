import { beforeEach, describe, expect, it, vi } from "vitest";
import { PlayerPrefs } from "../state/player-prefs.svelte";
import { refusePlay } from "../test/dom";
import { fakeMedia, FakeMediaSource, FakeSocket } from "../test/fake-media";
import { Early } from "./early";
import type { Report } from "./engine";
import { engines } from "./engines";
import { Playback } from "./playback.svelte";

let early: Early;
const report = vi.fn<Report>();
const settle = () => vi.advanceTimersByTimeAsync(0);

/** Whether the page is still held back. */
async function held(): Promise<boolean> {
  let over = false;
  void early.begun.then(() => (over = true));
  await settle();
  return !over;
}
/** The first picture comes and is decoded. */
async function picture() {
  FakeSocket.last.open();
  FakeSocket.last.say({ on: "ann", tag: 7, codecs: "avc1.64001f,mp4a.40.2" });
  FakeSocket.last.bring({ init: true });
  await settle();
  FakeMediaSource.last.buffer.ranges.push([18, 20]);
  FakeSocket.last.bring({ key: true });
  await settle();
  Object.defineProperty(early.video, "readyState", { value: 4 });
  early.video.dispatchEvent(new Event("loadeddata"));
}

beforeEach(() => {
  vi.useFakeTimers();
  fakeMedia();
  report.mockClear();
  vi.stubGlobal("fetch", async () => ({ ok: true })); // the host answers
  early = Early.begin("ann")!;
});

it("is asked for where push can play, and nowhere else", () => {
  expect(FakeSocket.last.url).toContain(`/push?watch=ann&viewer=${early.viewer}`);
  vi.stubGlobal("MediaSource", undefined);
  expect(Early.begin("ann")).toBeUndefined();
});

it("takes no page down that may not open sockets", () => {
  vi.stubGlobal("WebSocket", function () {
    throw new DOMException("no", "SecurityError");
  });
  expect(Early.begin("ann")).toBeUndefined();
});

describe("the page waits", () => {
  it("until there is media", async () => {
    expect(await held()).toBe(true);
    await picture();
    expect(await held()).toBe(false);
  });

  it("not for long where there is none", async () => {
    FakeSocket.last.open();
    FakeSocket.last.say({ off: "ann" });
    vi.advanceTimersByTime(140);
    expect(await held()).toBe(true);
    vi.advanceTimersByTime(10);
    expect(await held()).toBe(false);
  });

  it("not at all for a decoder that is not there", async () => {
    FakeSocket.last.say({ on: "ann", codecs: "hvc1" });
    expect(await held()).toBe(false);
  });
});

describe("the page of the channel", () => {
  it("takes it once, and no other page does", () => {
    expect(early.take("bob")).toBeUndefined();
    expect(early.take("ann")).toBe(early);
    expect(early.take("ann")).toBeUndefined();
  });

  it("goes on with the same element, socket and viewer, and finds the picture there", async () => {
    await picture();
    const taken = early.take("ann")!;
    const playback = new Playback(new PlayerPrefs(), engines(taken.viewer, "", taken));
    playback.listen(taken.video);
    playback.tune("/hls/ann/index.m3u8")(taken.video);
    await settle();
    expect([playback.phase, playback.hadPicture, playback.tap]).toEqual(["playing", true, "sound"]);
    expect(playback.sample()).toMatchObject({ path: "push", codecs: "avc1.64001f,mp4a.40.2" });
    expect(FakeSocket.made).toHaveLength(1);
  });

  it("hears of trouble that it was too late for, and goes on", async () => {
    FakeSocket.last.drop();
    await settle();
    const taken = early.take("ann")!;
    const playback = new Playback(new PlayerPrefs(), engines(taken.viewer, "", taken));
    playback.listen(taken.video);
    const leave = playback.tune("/hls/ann/index.m3u8")(taken.video)!;
    await settle();
    expect([playback.phase, playback.fault]).toEqual(["tuning", { kind: "network", final: false }]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(FakeSocket.made).toHaveLength(2);
    leave();
    expect(FakeSocket.last.readyState).toBe(3);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(FakeSocket.made).toHaveLength(2);
  });

  it("starts what could not be decoded yet, where only that brings a picture", async () => {
    refusePlay("all");
    early.video.dispatchEvent(new Event("loadedmetadata"));
    await settle();
    refusePlay("unmuted");
    Object.defineProperty(early.video, "readyState", { value: 1 });
    const taken = early.take("ann")!;
    const playback = new Playback(new PlayerPrefs(), engines(taken.viewer, "", taken));
    playback.listen(taken.video);
    playback.tune("/hls/ann/index.m3u8")(taken.video);
    await settle();
    expect([early.video.paused, playback.hadPicture]).toEqual([false, false]);
  });

  it("begins anew where it has failed", () => {
    FakeSocket.last.say({ on: "ann", codecs: "hvc1" });
    expect(early.take("ann")!.adopt(report)).toBeUndefined();
  });

  it("gives it up with everything when it never showed it", () => {
    early.take("ann")!.drop();
    expect(FakeSocket.last.readyState).toBe(3);
    expect(early.adopt(report)).toBeUndefined();
  });

  it("keeps what it adopted", () => {
    const taken = early.take("ann")!;
    const engine = taken.adopt(report)!;
    taken.drop();
    expect(FakeSocket.last.readyState).toBe(0);
    engine.destroy();
    expect(FakeSocket.last.readyState).toBe(3);
  });
});

it("ends by itself when no page wants it", () => {
  vi.advanceTimersByTime(10_000);
  expect(FakeSocket.last.readyState).toBe(3);
  expect(early.take("ann")).toBeUndefined();
});
