import { describe, expect, it } from "vitest";
import { away, entry } from "../test/fake-api";
import type { Fault } from "./engine";
import { scene, type Facts } from "./stage";

const facts = (change: Partial<Facts> = {}): Facts => ({ entry: entry("ann"), phase: "playing", phaseFor: 0, fault: null, connected: true, stateFor: 0, linuxWebKit: false, ...change });
const fault = (kind: Fault["kind"], final = true): Fault => ({ kind, final });

describe("scene", () => {
  it("says nothing while it plays or is paused", () => {
    expect(scene(facts()).kind).toBe("none");
    expect(scene(facts({ phase: "paused", phaseFor: 90 })).kind).toBe("none");
  });

  it("tells never on from just gone", () => {
    const off = entry("ann", { state: "offline" });
    expect(scene(facts({ entry: off, phase: "empty" }))).toMatchObject({ kind: "away", title: "ann is offline" });
    expect(scene(facts({ entry: off, phase: "empty", endedFor: 12.4 }))).toMatchObject({ kind: "away", title: "ann went offline", since: "12 s ago" });
    const last = { lasted: 42 * 60, over: 7200, peak: 14 };
    expect(scene(facts({ entry: off, phase: "empty", last })).detail).toContain("Was live for 42 min, ended 2 h ago.");
    expect(scene(facts({ entry: off, phase: "empty", last, endedFor: 12.4 })).detail).toContain("Was live for 42 min, with up to 14 viewers.");
  });

  it("holds the picture and counts while the signal is lost", () => {
    const lost = scene(facts({ entry: entry("ann", { state: "lost" }), phase: "waiting", phaseFor: 9, stateFor: 4 }));
    expect(lost).toMatchObject({ kind: "holding", title: "Signal lost: ann's computer stopped sending", since: "4 s ago" });
  });

  it("holds the picture when the other computer left, and says that it goes on by itself", () => {
    const gone = away("zoe", { presence: "gone" });
    const held = scene(facts({ entry: gone, goneFor: 6, phase: "waiting", phaseFor: 9, fault: fault("network", false) }));
    expect(held).toMatchObject({ kind: "holding", title: "Kim's laptop left", since: "6 s ago" });
    expect(held.detail).toContain("by itself");
    expect(scene(facts({ entry: { ...gone, state: "offline" }, goneFor: 75, phase: "empty" }))).toMatchObject({ kind: "away", title: "Kim's laptop left", since: "1 min ago", action: "others" });
  });

  it("calls a channel of another computer by its own name", () => {
    expect(scene(facts({ entry: away("zoe", { state: "offline" }), phase: "empty" })).title).toBe("zoe is offline");
    expect(scene(facts({ entry: away("zoe", { state: "lost" }) })).title).toContain("zoe's computer");
  });

  it("announces a start", () => expect(scene(facts({ entry: entry("ann", { state: "starting" }), phase: "empty" })).title).toBe("ann is starting"));

  it.each(["tuning", "waiting", "empty"] as const)("never leaves a bare sign on %s for more than 3 s", (phase) => {
    expect(scene(facts({ phase, phaseFor: 2.9 }))).toMatchObject({ kind: "busy", title: "" });
    expect(scene(facts({ phase, phaseFor: 3 })).title).not.toBe("");
  });

  it("leaves the word to the button that asks for a tap", () => expect(scene(facts({ phase: "tuning", phaseFor: 9, tap: "play" })).kind).toBe("none"));

  it("names the network when it is the network", () => {
    expect(scene(facts({ phase: "waiting", phaseFor: 4, fault: fault("network", false) })).title).toBe("Reconnecting…");
    expect(scene(facts({ phase: "waiting", phaseFor: 4, connected: false })).title).toBe("Reconnecting…");
  });

  it("offers one action for each final fault", () => {
    for (const kind of ["codec", "decode", "unsupported", "network"] as const) {
      const s = scene(facts({ phase: "failed", fault: fault(kind) }));
      expect(s).toMatchObject({ kind: "failed", action: "retry" });
      expect(s.title && s.detail).toBeTruthy();
    }
  });

  it("names the codec, and the missing packages in the Linux window", () => {
    const hevc = { entry: entry("ann", { videoCodec: "HEVC" }), phase: "failed", fault: fault("codec") } as const;
    expect(scene(facts(hevc)).title).toBe("This browser cannot play HEVC");
    const inWindow = scene(facts({ ...hevc, linuxWebKit: true }));
    expect(inWindow.detail).toContain("gstreamer1.0-libav");
    expect(inWindow.action).toBe("outside");
  });

  it("lets the end of a broadcast speak before a fault of ours", () => {
    expect(scene(facts({ entry: entry("ann", { state: "offline" }), phase: "failed", fault: fault("decode") })).kind).toBe("away");
  });
});
