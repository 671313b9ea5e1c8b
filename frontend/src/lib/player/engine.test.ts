import type HlsClass from "hls.js";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { video } from "../test/dom";
import { fakeMedia, FakeMediaSource, FakeSocket } from "../test/fake-media";
import { Backoff, pick, type Engine, type EngineKind, type Report } from "./engine";
import { HlsEngine, settings } from "./hls-engine";
import { NativeEngine } from "./native-engine";
import { PushEngine } from "./push-engine";

/** hls.js as far as the engine uses it; fire() plays its events. */
class FakeHls {
  static Events = { ERROR: "hlsError", FRAG_BUFFERED: "hlsFragBuffered", FRAG_LOADED: "hlsFragLoaded", LEVEL_UPDATED: "hlsLevelUpdated" };
  static ErrorTypes = { NETWORK_ERROR: "networkError", MEDIA_ERROR: "mediaError" };
  static ErrorDetails = { MANIFEST_INCOMPATIBLE_CODECS_ERROR: "manifestIncompatibleCodecsError", BUFFER_ADD_CODEC_ERROR: "bufferAddCodecError" };
  static last: FakeHls;
  #on = new Map<string, (e: string, data: unknown) => void>();
  liveSyncPosition: number | null = null;
  latency = 0;
  latestLevelDetails: object | null = {};
  levels = [{ codecs: "avc1.64001f,mp4a.40.2" }];
  currentLevel = 0;
  attachMedia = vi.fn();
  loadSource = vi.fn();
  startLoad = vi.fn();
  stopLoad = vi.fn();
  recoverMediaError = vi.fn();
  destroy = vi.fn();

  constructor(readonly config: object) {
    FakeHls.last = this;
  }
  on(event: string, f: (e: string, data: unknown) => void) {
    this.#on.set(event, f);
  }
  fire(event: string, data: object = {}) {
    this.#on.get(event)?.(event, data);
  }
  fail(type: string, details = "") {
    this.fire("hlsError", { fatal: true, type, details });
  }
}
const hls = () => FakeHls.last;

function fails(v: HTMLVideoElement, code: number) {
  Object.defineProperty(v, "error", { value: { code }, configurable: true });
  v.dispatchEvent(new Event("error"));
}

beforeEach(() => {
  vi.useFakeTimers();
  fakeMedia();
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("no route"))); // the whole host is gone, not one path to it
});

/** What every engine promises. breakNetwork: how it fails there; asked: how often the media was asked for. */
const all = [
  {
    name: "PushEngine",
    make: (report: Report): Engine => new PushEngine(FakeMediaSource as unknown as typeof MediaSource, "viewer", report),
    breakNetwork: () => FakeSocket.last.drop(),
    breakDecoder: undefined, // another engine may do better: see push-engine.test.ts
    flow: async () => {
      FakeSocket.last.say({ on: "ann", codecs: "avc1" });
      FakeSocket.last.bring({ init: true });
      await vi.advanceTimersByTimeAsync(0);
      FakeMediaSource.last.buffer.ranges = [[0, 1]];
      FakeSocket.last.bring({ key: true });
    },
    asked: () => FakeSocket.made.length,
    released: (v: HTMLVideoElement) => !v.hasAttribute("src") && FakeSocket.last.readyState === 3,
  },
  {
    name: "HlsEngine",
    make: (report: Report): Engine => new HlsEngine(FakeHls as unknown as typeof HlsClass, "viewer", report),
    breakNetwork: () => hls().fail("networkError", "levelLoadError"),
    breakDecoder: () => hls().fail("mediaError", "bufferAppendError"),
    flow: () => hls().fire("hlsFragBuffered"),
    asked: () => hls().loadSource.mock.calls.length + hls().startLoad.mock.calls.length,
    released: () => hls().destroy.mock.calls.length === 1,
  },
  {
    name: "NativeEngine",
    make: (report: Report): Engine => new NativeEngine(report),
    breakNetwork: (v: HTMLVideoElement) => fails(v, 2),
    breakDecoder: (v: HTMLVideoElement) => (fails(v, 3), vi.advanceTimersByTime(8000)),
    flow: (v: HTMLVideoElement) => v.dispatchEvent(new Event("playing")),
    asked: (v: HTMLVideoElement) => vi.mocked(v.load).mock.calls.length,
    released: (v: HTMLVideoElement) => !v.hasAttribute("src"),
  },
];

describe.each(all)("$name", ({ make, breakNetwork, breakDecoder, flow, asked, released }) => {
  let v: HTMLVideoElement;
  let report: ReturnType<typeof vi.fn<Report>>;
  let engine: Engine;
  beforeEach(() => {
    v = video();
    report = vi.fn<Report>();
    engine = make(report);
    engine.attach(v, "/hls/ann/index.m3u8");
  });

  it("asks for the media when attached", () => expect(asked(v)).toBe(1));

  it("tells nothing it does not know", () => expect(engine.read().delay).toBeUndefined());

  it("tries a broken network again and again, and says when it flows", async () => {
    for (let i = 1; i <= 4; i++) {
      breakNetwork(v);
      expect(report).toHaveBeenLastCalledWith({ kind: "network", final: false });
      await vi.advanceTimersByTimeAsync(8000);
      expect(asked(v)).toBe(1 + i);
    }
    await flow(v);
    await vi.advanceTimersByTimeAsync(0);
    expect(report).toHaveBeenLastCalledWith(null);
  });

  it("asks once for many errors at the same moment", () => {
    for (let i = 0; i < 5; i++) breakNetwork(v);
    vi.advanceTimersByTime(8000);
    expect(asked(v)).toBe(2);
  });

  it.skipIf(!breakDecoder)("recovers a decoder once, then says so", () => {
    breakDecoder!(v);
    expect(report).not.toHaveBeenCalledWith({ kind: "decode", final: true });
    breakDecoder!(v);
    expect(report).toHaveBeenLastCalledWith({ kind: "decode", final: true });
  });

  it("lets go of everything when destroyed", () => {
    breakNetwork(v);
    const before = asked(v);
    report.mockClear();
    engine.destroy();
    expect(released(v)).toBe(true);
    vi.advanceTimersByTime(60_000);
    breakNetwork(v);
    expect(report).not.toHaveBeenCalled();
    expect(asked(v) - before).toBeLessThanOrEqual(1); // a native element is emptied by load()
  });
});

describe("HlsEngine", () => {
  const made = (report: Report = () => {}, buffered: [number, number] = [0, 100]) => {
    const engine = new HlsEngine(FakeHls as unknown as typeof HlsClass, "viewer", report);
    const v = video(buffered);
    engine.attach(v, "/hls/ann/index.m3u8");
    return { engine, v };
  };

  it("begins at the top when the playlist never came, and goes on where it was else", () => {
    made();
    hls().latestLevelDetails = null;
    hls().fail("networkError", "manifestLoadError");
    vi.advanceTimersByTime(1000);
    expect(hls().loadSource).toHaveBeenCalledTimes(2);
    hls().latestLevelDetails = {};
    hls().fail("networkError", "fragLoadError");
    vi.advanceTimersByTime(2000);
    expect(hls().startLoad).toHaveBeenCalledTimes(1);
  });

  it.each(["manifestIncompatibleCodecsError", "bufferAddCodecError"])("names a missing decoder on %s", (details) => {
    const report = vi.fn<Report>();
    made(report);
    hls().fail("mediaError", details);
    expect(report).toHaveBeenLastCalledWith({ kind: "codec", final: true });
    expect(hls().stopLoad).toHaveBeenCalled();
  });

  it("does not take back that it gave up for what it still had in hand", () => {
    const report = vi.fn<Report>();
    made(report);
    hls().fail("mediaError");
    hls().fail("mediaError");
    hls().fire("hlsFragBuffered");
    expect(report).toHaveBeenLastCalledWith({ kind: "decode", final: true });
  });

  it("may recover again after half a minute of good picture", () => {
    const report = vi.fn<Report>();
    made(report);
    hls().fail("mediaError");
    vi.advanceTimersByTime(31_000);
    hls().fail("mediaError");
    expect(hls().recoverMediaError).toHaveBeenCalledTimes(2);
    expect(report).not.toHaveBeenCalled();
  });

  it("ignores what hls.js handles itself", () => {
    const report = vi.fn<Report>();
    made(report);
    hls().fire("hlsError", { fatal: false, type: "networkError", details: "fragLoadError" });
    expect(report).not.toHaveBeenCalled();
  });

  it("measures against the place where a newcomer would start, and what it knows else", () => {
    const { engine, v } = made();
    hls().latency = 1.2;
    hls().latestLevelDetails = { fragmentStart: 44, partList: [0, 1, 2].map((i) => ({ independent: i !== 1, start: 46 + 2 * i })) };
    hls().liveSyncPosition = 50;
    v.currentTime = 47;
    expect(engine.read()).toMatchObject({ path: "LL-HLS", delay: 1.2, behind: 3, edge: 50, start: 44, ahead: 53, interval: 4, codecs: "avc1.64001f,mp4a.40.2" });
  });

  describe("where it begins and plays", () => {
    /** A playlist that ends at edge, with one independent part at key. */
    const list = (key: number | undefined, edge: number) => ({
      details: { fragmentStart: 10, edge, partTarget: 0.2, partList: key === undefined ? [] : [{ independent: true, start: key }, { independent: false, start: key + 0.2 }] },
    });
    const lists = (at: ReturnType<typeof list>) => {
      hls().latestLevelDetails = at.details;
      hls().fire("hlsLevelUpdated", at);
    };

    it("is the newest key frame, wherever its segment begins", () => {
      made();
      lists(list(31.6, 40));
      expect(hls().startLoad.mock.calls).toEqual([[31.6]]);
      lists(list(35.6, 40.2));
      expect(hls().startLoad).toHaveBeenCalledTimes(1);
    });

    it("is the oldest media where no key frame is listed", () => {
      made();
      lists(list(undefined, 40));
      expect(hls().startLoad.mock.calls).toEqual([[10]]);
    });

    it("is live as soon as everything listed has come, and again when it plays", () => {
      const range: [number, number] = [31.6, 35];
      const { v } = made(undefined, range);
      lists(list(31.6, 40));
      hls().fire("hlsFragBuffered");
      expect(v.currentTime).toBe(0);
      range[1] = 39.9;
      hls().fire("hlsFragBuffered");
      expect(v.currentTime).toBeCloseTo(39.55);
      range[1] = 40.5; // what came while the decoder worked
      v.dispatchEvent(new Event("playing"));
      expect(v.currentTime).toBeCloseTo(40.15);
    });

    it("is looked for again when nothing comes though there is more", async () => {
      const { v } = made(undefined, [31, 40]);
      await v.play();
      lists(list(31.6, 40));
      vi.advanceTimersByTime(2600);
      lists(list(31.6, 42));
      expect(hls().startLoad).toHaveBeenCalledTimes(1); // nothing new to be had
      lists(list(41.6, 43));
      expect(hls().startLoad.mock.calls).toEqual([[31.6], [41.6]]);
    });
  });

  describe("when nobody watches", () => {
    const paused = () => {
      const { engine, v } = made(undefined, [31, 60]);
      Object.defineProperty(v, "readyState", { value: 4 });
      const lists = (key: number, edge: number) => {
        const details = { fragmentStart: 10, edge, partTarget: 0.2, partList: [{ independent: true, start: key }] };
        hls().latestLevelDetails = details;
        hls().fire("hlsLevelUpdated", { details });
      };
      lists(59, 60);
      return { engine, v, lists };
    };

    it("leaves a paused picture where it is, however full its buffer", async () => {
      const { v, lists } = paused();
      await v.play();
      v.pause();
      v.currentTime = 45;
      vi.advanceTimersByTime(20_000);
      lists(79, 80);
      expect([v.currentTime, hls().startLoad.mock.calls.length]).toEqual([45, 1]);
    });

    it("fetches nothing after half a minute, and begins again live", async () => {
      const { v, lists } = paused();
      await v.play();
      v.pause();
      const before = hls().stopLoad.mock.calls.length;
      vi.advanceTimersByTime(31_000);
      expect(hls().stopLoad).toHaveBeenCalledTimes(before + 1);
      await v.play();
      expect(hls().startLoad).toHaveBeenLastCalledWith(-1);
      lists(91, 92);
      expect([v.currentTime, hls().startLoad.mock.lastCall]).toEqual([91, [91]]);
    });

    it("does not try again what failed before it rested", async () => {
      const { v } = paused();
      await v.play();
      v.pause();
      vi.advanceTimersByTime(29_500);
      const before = hls().startLoad.mock.calls.length;
      hls().fail("networkError", "levelLoadError");
      vi.advanceTimersByTime(60_000);
      expect(hls().startLoad).toHaveBeenCalledTimes(before);
    });

    it("asks nobody while it rests, and lets go when destroyed", async () => {
      const { engine, v } = paused();
      await v.play();
      v.pause();
      vi.advanceTimersByTime(31_000);
      const before = hls().startLoad.mock.calls.length;
      hls().fail("networkError", "levelLoadError");
      vi.advanceTimersByTime(60_000);
      engine.destroy();
      await v.play();
      expect(hls().startLoad).toHaveBeenCalledTimes(before);
    });
  });

  it("does not override the host's hold-back, and keeps no old picture for ever", () => {
    expect(settings("x")).not.toHaveProperty("liveSyncDurationCount");
    expect(settings("x")).toMatchObject({ lowLatencyMode: true, backBufferLength: 30, liveSyncOnStallIncrease: 0 });
  });

  it("tells the host which viewer asks", () => {
    const xhr = { open: vi.fn(), setRequestHeader: vi.fn() };
    settings("abc").xhrSetup!(xhr as unknown as XMLHttpRequest, "/x", {} as never);
    expect(xhr.open).toHaveBeenCalledWith("GET", "/x", true);
    expect(xhr.setRequestHeader.mock.calls).toEqual([["X-Echotv-Viewer", "abc"]]);
  });
});

describe("NativeEngine", () => {
  it("knows how far behind it is by what can be sought", () => {
    const engine = new NativeEngine(() => {});
    const v = video([0, 30]);
    engine.attach(v, "/x");
    v.currentTime = 26;
    expect(engine.read()).toMatchObject({ behind: 4, edge: 30, start: 0 });
  });
});

describe("pick", () => {
  const kind = (name: string, works: boolean): EngineKind & { asked: number } => ({
    name,
    asked: 0,
    async load() {
      this.asked++;
      return works ? () => ({ name }) as unknown as Engine : undefined;
    },
  });

  it("takes the first that works and does not even load the rest", async () => {
    const [no, yes, never] = [kind("a", false), kind("b", true), kind("c", true)];
    expect((await pick([no, yes, never]))!(() => {})).toMatchObject({ name: "b" });
    expect(never.asked).toBe(0);
  });
  it("answers with nothing when none works", async () => expect(await pick([kind("a", false)])).toBeUndefined());
});

it("Backoff doubles its waits and begins small again after success", () => {
  const backoff = new Backoff();
  const at = (ms: number) => {
    const act = vi.fn();
    backoff.again(act);
    vi.advanceTimersByTime(ms - 1);
    expect(act).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(act).toHaveBeenCalledTimes(1);
  };
  [1000, 2000, 4000, 8000, 8000].forEach(at);
  backoff.reset();
  at(1000);
});
