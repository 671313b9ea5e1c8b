import type { Entry, Host } from "../lib/api/types";

/** An invented channel. Without a host behind it there is no thumbnail, so the ground shows. */
export function sample(channel: string, change: Partial<Entry> = {}): Entry {
  const here = { host: "", hostId: "", words: "", warning: "", presence: "here", goneSince: null, address: "" } as const;
  return { channel, name: channel, title: `${channel} shows something`, category: "", ...here, state: "live", since: new Date().toISOString(), viewers: 12, width: 1920, height: 1080, fps: 60, videoCodec: "H.264", audioCodec: "AAC", bitrate: 6_120_000, picture: 0, ...change };
}

/** The same on Kim's laptop, another computer. */
export function away(name: string, change: Partial<Entry> = {}): Entry {
  const there = { name, host: "Kim's laptop", hostId: "aaaaaaaaaaaaaaaa", words: "amber fox quiet lamp", address: "http://192.168.1.7:5175" };
  return sample(`${name}@${there.hostId}`, { title: `${name} shows something`, ...there, ...change });
}

/** Another computer, as the page of computers lists it. */
export function host(change: Partial<Host> = {}): Host {
  return { id: "aaaaaaaaaaaaaaaa", name: "Kim's laptop", words: "amber fox quiet lamp", version: "1.2.3", address: "192.168.1.7:5175", presence: "here", since: null, typed: false, warning: "", instead: "", channels: 2, ...change };
}
