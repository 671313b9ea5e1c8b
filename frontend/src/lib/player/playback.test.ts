import { beforeEach, describe, expect, it, vi } from "vitest";
import { PlayerPrefs } from "../state/player-prefs.svelte";
import { refusePlay, video } from "../test/dom";
import { FakeKind } from "../test/fake-engine";
import { Playback } from "./playback.svelte";

let kind: FakeKind;
let prefs: PlayerPrefs;
let playback: Playback;
let v: HTMLVideoElement;
let leave: () => void;

const fire = (type: string) => v.dispatchEvent(new Event(type));
const settle = () => vi.advanceTimersByTimeAsync(0);

/** Tunes in; with a picture unless told otherwise. */
async function tune(picture = true) {
  const stop = playback.tune("/hls/ann/index.m3u8")(v);
  leave = () => stop?.();
  await settle();
  if (picture) {
    fire("loadeddata");
    await settle();
  }
}

beforeEach(() => {
  vi.useFakeTimers();
  kind = new FakeKind();
  prefs = new PlayerPrefs();
  playback = new Playback(prefs, [kind]);
  v = video();
  playback.listen(v);
});

describe("phases", () => {
  it("go from tuning to playing only when the element says so", async () => {
    await tune(false);
    expect(playback.phase).toBe("tuning");
    expect(kind.last.url).toBe("/hls/ann/index.m3u8");
    fire("loadeddata");
    await settle();
    expect(playback.phase).toBe("playing");
  });

  it("follow the element through pause and a dry buffer", async () => {
    await tune();
    fire("waiting");
    expect(playback.phase).toBe("waiting");
    fire("playing");
    expect(playback.phase).toBe("playing");
    playback.pause();
    expect(playback.phase).toBe("paused");
    fire("waiting"); // a seek while paused
    expect(playback.phase).toBe("paused");
  });

  it("notice moving pictures that nobody announced", async () => {
    await tune();
    fire("waiting");
    fire("timeupdate");
    expect(playback.phase).toBe("waiting");
    Object.defineProperty(v, "readyState", { value: 4 });
    fire("timeupdate");
    expect(playback.phase).toBe("playing");
  });

  it("end in failed on a final fault, until somebody tries again", async () => {
    await tune();
    kind.last.report({ kind: "decode", final: true });
    expect(playback.phase).toBe("failed");
    fire("playing");
    expect(playback.phase).toBe("failed");
    playback.retry();
    leave();
    await tune();
    expect([playback.phase, playback.fault]).toEqual(["playing", null]);
  });

  it("stay while the engine recovers by itself", async () => {
    await tune();
    kind.last.report({ kind: "network", final: false });
    expect([playback.phase, playback.fault?.kind]).toEqual(["playing", "network"]);
    kind.last.report(null);
    expect(playback.fault).toBeNull();
  });

  it("begin anew when an engine that had given up is followed by one that works", async () => {
    await tune();
    kind.last.report({ kind: "decode", final: true });
    kind.last.report(null);
    expect(playback.phase).toBe("tuning");
    fire("playing");
    expect([playback.phase, playback.fault]).toEqual(["playing", null]);
  });

  it("end in failed when trouble turns out to be final", async () => {
    await tune();
    kind.last.report({ kind: "network", final: false });
    kind.last.report({ kind: "network", final: true });
    expect(playback.phase).toBe("failed");
  });

  it("go on after another source, which stops the element without a word, unless somebody had paused", async () => {
    await tune();
    playback.seekBy(-5); // behind live is no wish to stop
    v.load();
    fire("loadeddata");
    expect(v.paused).toBe(false);
    playback.pause();
    v.load();
    fire("loadeddata");
    expect([v.paused, playback.paused]).toEqual([true, true]);
  });

  it("do not wait for a picture that is fetched only for who plays, as iPhones do", async () => {
    await tune(false);
    fire("loadedmetadata");
    expect(v.paused).toBe(false);
  });

  it("say so when no engine works here", async () => {
    kind.works = false;
    await tune(false);
    expect([playback.phase, playback.fault?.kind]).toEqual(["failed", "unsupported"]);
  });

  it("say so when the player's code does not arrive", async () => {
    vi.spyOn(kind, "load").mockRejectedValue(new TypeError("import failed"));
    await tune(false);
    expect(playback.fault).toEqual({ kind: "network", final: true });
  });

  it("end empty, and the engine is let go", async () => {
    await tune();
    leave();
    expect(playback.phase).toBe("empty");
    expect(kind.last.destroyed).toBe(true);
  });

  it("make no engine for somebody who left before it was loaded", async () => {
    const stop = playback.tune("/x")(v);
    stop?.();
    await settle();
    expect(kind.made).toHaveLength(0);
  });
});

describe("sound", () => {
  it("starts muted and asks for a tap, which gives the volume of last time", async () => {
    prefs.volume = 0.35;
    await tune();
    expect([v.muted, playback.tap]).toEqual([true, "sound"]);
    playback.soundOn();
    expect([v.muted, v.volume, playback.tap]).toEqual([false, 0.35, ""]);
  });

  it("stays on for the next channel once it was allowed", async () => {
    await tune();
    playback.soundOn();
    leave();
    await tune();
    expect([v.muted, playback.tap]).toEqual([false, ""]);
  });

  it("asks nobody who muted it on purpose", async () => {
    prefs.muted = true;
    await tune();
    expect([v.muted, playback.tap]).toEqual([true, ""]);
  });

  it("is remembered, and zero is not: the next tap must be heard", async () => {
    await tune();
    playback.setVolume(0.5);
    expect([v.muted, prefs.volume]).toEqual([false, 0.5]);
    playback.setVolume(0);
    fire("volumechange");
    expect(playback.muted).toBe(true);
    playback.toggleMute();
    expect([v.muted, v.volume > 0]).toEqual([false, true]);
  });

  it("mutes by wish and unmutes by wish", async () => {
    await tune();
    playback.soundOn();
    playback.toggleMute();
    expect([v.muted, prefs.muted]).toEqual([true, true]);
    playback.toggleMute();
    expect([v.muted, prefs.muted]).toEqual([false, false]);
  });

  it("falls back to silence when the browser refuses it", async () => {
    await tune();
    playback.soundOn();
    leave();
    v.pause();
    refusePlay("unmuted");
    await tune();
    expect([v.muted, v.paused, playback.tap]).toEqual([true, false, "sound"]);
  });

  it("asks to play when the browser refuses everything", async () => {
    refusePlay("all");
    await tune();
    expect([playback.tap, playback.paused]).toEqual(["play", true]);
  });

  it("never comes from a preview", async () => {
    playback = new Playback(prefs, [kind], true);
    playback.listen(v);
    await tune();
    playback.soundOn();
    expect([v.muted, playback.tap]).toEqual([true, ""]);
  });

  it("keeps the rate at 1: a change un-mutes the element in WebKitGTK", async () => {
    const rate = vi.spyOn(v, "playbackRate", "set");
    await tune();
    kind.last.reading = { behind: 9, edge: 60, delay: 10 };
    fire("timeupdate");
    expect(rate).not.toHaveBeenCalled();
  });
});

describe("live", () => {
  const stand = (behind: number, edge = 60) => {
    kind.last.reading = { behind, edge, delay: behind + 1 };
    fire("timeupdate");
  };

  it("means at most a second and a half behind a newcomer", async () => {
    await tune();
    stand(1.5);
    expect([playback.live, playback.delay]).toEqual([true, 2.5]);
    stand(-0.2);
    expect([playback.live, playback.behind]).toEqual([true, 0]);
  });

  it("is caught up with by a jump, but not by one after the other", async () => {
    await tune();
    stand(4);
    expect(v.currentTime).toBe(60);
    v.currentTime = 61;
    stand(4, 70);
    expect(v.currentTime).toBe(61);
    stand(0, 70);
    vi.advanceTimersByTime(10_000);
    stand(4, 80);
    expect(v.currentTime).toBe(80);
  });

  it("is left alone for who paused or went back", async () => {
    await tune();
    playback.pause();
    playback.play();
    v.currentTime = 40;
    stand(12);
    expect([v.currentTime, playback.live, playback.behind]).toEqual([40, false, 12]);
    playback.goLive();
    expect(v.currentTime).toBe(60);
  });

  it("is where a system's own pause returns to", async () => {
    await tune();
    v.pause(); // a phone call, not a wish
    playback.play();
    stand(12);
    expect(v.currentTime).toBe(60);
  });

  it("bounds going ahead, the buffer bounds going back", async () => {
    v = video([20, 62]);
    playback.listen(v);
    await tune();
    kind.last.reading = { behind: 0, edge: 60 };
    v.currentTime = 58;
    playback.seekBy(10);
    expect(v.currentTime).toBe(60);
    playback.seekBy(-5);
    expect(v.currentTime).toBe(55);
    v.currentTime = 22;
    playback.seekBy(-10);
    expect(v.currentTime).toBe(20);
    kind.last.reading = { behind: 0, edge: 60, start: 53 };
    v.currentTime = 58;
    playback.seekBy(-10);
    expect(v.currentTime).toBe(54); // farther back the host has nothing, and the engine would jump to live
  });

  it("is not claimed before anything is known", async () => {
    await tune();
    fire("timeupdate");
    expect([playback.live, playback.delay]).toEqual([false, undefined]);
  });
});

it("does nothing, and throws nothing, without an element", async () => {
  const alone = new Playback(prefs, [kind]);
  alone.toggle();
  alone.play();
  alone.pause();
  alone.setVolume(1);
  alone.toggleMute();
  alone.soundOn();
  alone.goLive();
  alone.seekBy(5);
  await alone.togglePip();
  expect(alone.phase).toBe("empty");
});
