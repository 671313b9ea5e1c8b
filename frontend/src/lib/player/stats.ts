import { rate } from "../ui/words";
import type { Reading } from "./engine";

/** What a player knows of itself at one moment. */
export interface Sample extends Reading {
  at: number; // ms
  width: number;
  height: number;
  frames: number; // decoded since the element began with this source
  dropped: number; // of them, not shown
}

/** Pictures a second between two samples; undefined when they do not follow each other. */
export function fps(a: Sample | undefined, b: Sample): number | undefined {
  if (!a || b.at <= a.at || b.frames < a.frames) return undefined;
  return ((b.frames - a.frames) * 1000) / (b.at - a.at);
}

const why: Record<string, string> = {
  network: "push did not get through",
  codec: "no decoder for push",
  decode: "the decoder gave up on push",
  unsupported: "push is not possible",
};

/** The lines of the overlay, in order; "–" stands for what is not known. */
export function lines(s: Sample, fps: number | undefined): [name: string, value: string][] {
  const seconds = (v: number | undefined, digits = 2) => (v === undefined ? "–" : `${v.toFixed(digits)} s`);
  const size = s.height ? `${s.width}×${s.height}` : "–";
  return [
    ["Path", s.instead ? `${s.path} (${why[s.instead]})` : (s.path ?? "–")],
    ["Codecs", s.codecs || "–"],
    ["Picture", s.height && fps !== undefined ? `${size}, ${fps.toFixed(0)} fps` : size],
    ["Key frames", s.interval === undefined ? "–" : `every ${seconds(s.interval, 1)}`],
    ["Bit rate", rate(s.bitrate ?? 0) || "–"],
    ["Buffer ahead", seconds(s.ahead)],
    ["Delay", seconds(s.delay)],
    ["Dropped frames", `${s.dropped} of ${s.frames}`],
    ["Missed pictures", String(s.missed ?? "–")],
    ["Reconnects", String(s.reconnects ?? "–")],
  ];
}
