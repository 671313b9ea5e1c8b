import type { StreamFigures } from "../api/types";

type By = StreamFigures["viewersBy"];

/** The ways to watch, in the order of their delay, as people call them. */
export const paths: { key: keyof By; name: string; about: string }[] = [
  { key: "push", name: "Frame push", about: "this page, a third of a second behind" },
  { key: "hls", name: "LL-HLS", about: "this page's second choice, Safari, VLC" },
  { key: "ts", name: "MPEG-TS", about: "televisions" },
  { key: "rtsp", name: "RTSP", about: "recorders, GStreamer" },
  { key: "rtmp", name: "RTMP", about: "OBS, mpv" },
  { key: "peer", name: "Other hosts", about: "their viewers, as they count them" },
];

/** "12 frame push, 1 LL-HLS": only those that somebody uses; "nobody". */
export function spread(by: By): string {
  const used = paths.filter((p) => by[p.key] > 0).map((p) => `${by[p.key]} ${p.name}`);
  return used.join(", ") || "nobody";
}

/** "High 4.2", "LC": what a decoder must be able to do; "" when not known. */
export function profile(p: { profile: string; level?: number }): string {
  return [p.profile, p.level ? p.level.toFixed(1) : ""].filter(Boolean).join(" ");
}
