import { describe, expect, it } from "vitest";
import { fps, lines, type Sample } from "./stats";

const sample = (change: Partial<Sample> = {}): Sample => ({ at: 1000, width: 1280, height: 720, frames: 100, dropped: 2, path: "push", ...change });
const line = (s: Sample, name: string, f?: number) => lines(s, f).find(([n]) => n === name)![1];

describe("lines", () => {
  it("say what is known, and a dash else", () => {
    const s = sample({ codecs: "avc1.64001f,mp4a.40.2", interval: 8.333, bitrate: 6_100_000, ahead: 0.104, delay: 0.1349, missed: 0, reconnects: 1 });
    expect(lines(s, 29.97).map(([, value]) => value)).toEqual([
      "push",
      "avc1.64001f,mp4a.40.2",
      "1280×720, 30 fps",
      "every 8.3 s",
      "6.1 Mb/s",
      "0.10 s",
      "0.13 s",
      "2 of 100",
      "0",
      "1",
    ]);
    expect(lines(sample({ path: undefined, width: 0, height: 0 }), undefined).filter(([, v]) => v === "–")).toHaveLength(9);
  });

  it("say why it is not the quickest path", () => {
    expect(line(sample({ path: "LL-HLS", instead: "network" }), "Path")).toBe("LL-HLS (push did not get through)");
  });
});

it("fps is measured between two samples of one source", () => {
  expect(fps(undefined, sample())).toBeUndefined();
  expect(fps(sample(), sample({ at: 3000, frames: 220 }))).toBe(60);
  expect(fps(sample({ frames: 500 }), sample({ at: 2000, frames: 3 }))).toBeUndefined();
});
