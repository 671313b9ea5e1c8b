import type { Address } from "../api/types";

// How numbers and times are written, in one place.

/** A stable hue (0–359) for a name. */
export function hueOf(name: string): number {
  let h = 2166136261;
  for (const c of name.toLowerCase()) h = Math.imul(h ^ c.codePointAt(0)!, 16777619);
  return (h >>> 0) % 360;
}

/** "4:07", "1:02:09": a running time from seconds; never negative. */
export function runtime(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds));
  const two = (n: number) => String(n).padStart(2, "0");
  const h = Math.floor(s / 3600);
  const rest = `${h ? two(Math.floor(s / 60) % 60) : Math.floor(s / 60) % 60}:${two(s % 60)}`;
  return h ? `${h}:${rest}` : rest;
}

/** "12 s", "4 min", "3 h": how long, for sentences. */
export function span(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  return `${Math.floor(s / 3600)} h`;
}

/** "just now", "12 s ago". */
export function ago(seconds: number): string {
  return seconds < 3 ? "just now" : `${span(seconds)} ago`;
}

/** "1 watching", "12 watching". */
export function watching(viewers: number): string {
  return `${viewers.toLocaleString()} watching`;
}

/** "1080p60", "720p": what people call a picture size; "" while it is not known. */
export function picture(v: { width: number; height: number; fps: number }): string {
  if (!v.height) return "";
  const lines = Math.min(v.width, v.height) || v.height; // a phone held upright is 1080 wide
  const fps = Math.round(v.fps);
  return `${lines}p${fps > 30 ? fps : ""}`;
}

/** "6.1 Mb/s", "640 kb/s"; "" for nothing. */
export function rate(bitsPerSecond: number): string {
  if (!bitsPerSecond) return "";
  return bitsPerSecond >= 1e6 ? `${(bitsPerSecond / 1e6).toFixed(1)} Mb/s` : `${Math.round(bitsPerSecond / 1e3)} kb/s`;
}

/** "h264" → "H.264": codec names as people know them. */
export function codec(name: string): string {
  const known: Record<string, string> = { h264: "H.264", h265: "HEVC", hevc: "HEVC", av1: "AV1", aac: "AAC", opus: "Opus" };
  return known[name.toLowerCase().replace(".", "")] ?? name;
}

/** "Wi-Fi": what leads to an address. */
export function way(a: { kind: Address["kind"] }): string {
  return { wifi: "Wi-Fi", ethernet: "Ethernet", vpn: "VPN", name: "By name", here: "Only here", unknown: "Network" }[a.kind];
}

/** A day and time in the reader's own way of writing. */
export function when(iso: string): string {
  return new Date(iso).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

/** "1 h 12 min", "42 min", "35 s": how long something took. */
export function duration(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  const min = Math.round(s / 60);
  return min < 60 ? `${min} min` : [`${Math.floor(min / 60)} h`, min % 60 && `${min % 60} min`].filter(Boolean).join(" ");
}

/** "3.2 GB", "640 MB": an amount of data. */
export function size(bytes: number): string {
  if (!bytes) return "0";
  const steps = ["kB", "MB", "GB", "TB"];
  let n = bytes / 1000;
  while (n >= 999.5 && steps.length > 1) [n] = [n / 1000, steps.shift()];
  return `${n < 10 ? n.toFixed(1) : Math.round(n)} ${steps[0]}`;
}

/** "1 viewer", "3 viewers". */
export function many(n: number, one: string, more = `${one}s`): string {
  return `${n.toLocaleString()} ${n === 1 ? one : more}`;
}
