import type { Broadcast, LastBroadcast } from "../api/types";

/** How long a broadcast was on air, s. */
export const length = (b: LastBroadcast) => Math.max(0, (Date.parse(b.end) - Date.parse(b.start)) / 1000);

/** How long it is over, s; by the host's clock now, ms. */
export const overFor = (b: LastBroadcast, now: number) => Math.max(0, (now - Date.parse(b.end)) / 1000);

/** All broadcasts together. */
export function totals(all: Broadcast[]) {
  return {
    count: all.length,
    seconds: all.reduce((sum, b) => sum + length(b), 0),
    peak: Math.max(0, ...all.map((b) => b.peak)),
    sent: all.reduce((sum, b) => sum + b.sent, 0),
  };
}
