import type { Entry } from "../lib/api/types";

/** An invented channel. Without a host behind it there is no thumbnail, so the ground shows. */
export function sample(channel: string, change: Partial<Entry> = {}): Entry {
  const here = { host: "", hostId: "", words: "", presence: "here", goneSince: null, address: "" } as const;
  return { channel, name: channel, title: `${channel} shows something`, category: "", ...here, state: "live", since: new Date().toISOString(), viewers: 12, width: 1920, height: 1080, fps: 60, videoCodec: "H.264", audioCodec: "AAC", bitrate: 6_120_000, picture: 0, ...change };
}
