import { expect, it, vi } from "vitest";
import { fakeMedia, FakeSocket } from "../test/fake-media";
import { plays } from "./clip";
import { echo } from "./line";

it("measures the echo of its word", async () => {
  fakeMedia();
  const done = echo("ws://192.168.1.20:5175/push");
  FakeSocket.last.open();
  expect(FakeSocket.last.sent).toEqual([{ ping: 1 }]);
  FakeSocket.last.say({ pong: 1, now: 2 });
  expect(await done).toBeGreaterThan(0);
  expect(FakeSocket.last.readyState).toBe(3);
});

it("tells a socket that is closed from one that is silent", async () => {
  fakeMedia();
  vi.useFakeTimers();
  const closed = echo("ws://x/push").catch((e) => e.why);
  FakeSocket.last.drop();
  expect(await closed).toBe("closed");
  const silent = echo("ws://x/push").catch((e) => e.why);
  FakeSocket.last.open();
  await vi.advanceTimersByTimeAsync(8000);
  expect(await silent).toBe("silent");
});

/** A video whose clock the test turns. */
function video(play: () => Promise<void> = () => Promise.resolve()) {
  const v = Object.assign(document.createElement("video"), { play, canPlayType: (): CanPlayTypeResult => "probably" });
  const at = (time: number) => {
    Object.defineProperty(v, "currentTime", { value: time, configurable: true });
    v.dispatchEvent(new Event("timeupdate"));
  };
  const fail = (code: number) => {
    Object.defineProperty(v, "error", { value: { code }, configurable: true });
    v.dispatchEvent(new Event("error"));
  };
  return { v, at, fail };
}

it("calls the clip played once some seconds were shown", async () => {
  const { v, at } = video();
  const { done } = plays(v, "/clip.mp4");
  at(0.2);
  at(2.6);
  expect(await done).toBeGreaterThan(0);
  expect(v.muted).toBe(true);
});

it("names what kept the clip from playing", async () => {
  vi.stubGlobal("MediaError", { MEDIA_ERR_NETWORK: 2, MEDIA_ERR_DECODE: 3 });
  const why = (v: HTMLVideoElement) => plays(v, "/clip.mp4").done.catch((e) => e.why);
  for (const [code, want] of [[2, "slow"], [3, "format"], [4, "missing"]] as const) {
    const { v, fail } = video();
    const said = why(v);
    fail(code);
    expect(await said).toBe(want);
  }
  const lacking = video();
  lacking.v.canPlayType = () => "";
  const said = why(lacking.v);
  lacking.fail(4);
  expect(await said).toBe("format");
  expect(await why(video(() => Promise.reject(new DOMException("", "NotAllowedError"))).v)).toBe("refused");
});

it("gives up after twelve seconds, and knows whether anything moved", async () => {
  vi.useFakeTimers();
  for (const [moved, want] of [[0, "silent"], [1.1, "slow"]] as const) {
    const { v, at } = video();
    const said = plays(v, "/clip.mp4").done.catch((e) => e.why);
    if (moved) at(moved);
    await vi.advanceTimersByTimeAsync(12_000);
    expect(await said).toBe(want);
  }
});
