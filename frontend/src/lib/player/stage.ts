import type { Entry } from "../api/types";
import { ago, codec, duration, many } from "../ui/words";
import type { Fault } from "./engine";
import type { Phase } from "./playback.svelte";

/** What stands on the picture instead of, or over, moving video. */
export interface Scene {
  kind: "none" | "busy" | "holding" | "away" | "failed"; // busy: working on it, few words. holding: over the last picture. away: nothing to see.
  title: string;
  since?: string; // "4 s ago", said after the title; apart from it because it counts, and a screen reader would read all of it each second
  detail: string;
  action?: Action;
}

/** What a person can do about it: try again, open it elsewhere, or see who else is live. */
export type Action = "retry" | "outside" | "others";

export interface Facts {
  entry: Entry | undefined; // undefined: not known yet
  phase: Phase;
  phaseFor: number; // s
  tap?: "" | "sound" | "play"; // what the browser wants a tap for
  fault: Fault | null;
  connected: boolean; // the line to the host is up
  endedFor?: number; // s since it ended while we watched
  last?: { lasted: number; over: number; peak: number }; // its newest broadcast, when that is over: s, s, viewers
  goneFor?: number; // s since the computer that has it left the network; undefined while it is there
  stateFor: number; // s since the channel's state changed, as far as we saw
  linuxWebKit: boolean; // the desktop window on Linux, which plays with the system's GStreamer plugins
}

const none: Scene = { kind: "none", title: "", detail: "" };
const busy = (title = "", detail = ""): Scene => ({ kind: "busy", title, detail });

// Words come after this long; before it a quiet sign is enough, and most starts are over by then.
const PATIENCE = 3; // s

/** Decides what to say: first what the channel does, then what this player does. One place, so that no state is left without words. */
export function scene(f: Facts): Scene {
  const e = f.entry;
  if (!e) return busy("Asking the host…", "");
  if (f.goneFor !== undefined) return left(e, f.goneFor);
  if (e.state === "offline") return away(e.name, f.endedFor, f.last);
  if (e.state === "starting") return busy(`${e.name} is starting`, "The first picture is on its way.");
  if (f.phase === "failed" && f.fault) return failure(f.fault, e, f.linuxWebKit);
  if (e.state === "lost") {
    return { kind: "holding", title: `Signal lost: ${e.name}'s computer stopped sending`, since: ago(f.stateFor), detail: "Back as soon as it returns." };
  }
  if (f.tap === "play") return none; // the button says it
  if (f.phase === "waiting" || f.phase === "tuning" || f.phase === "empty") return working(f);
  return none;
}

function away(channel: string, endedFor: number | undefined, last: Facts["last"]): Scene {
  const detail = "Leave this page open: it starts by itself when they go live.";
  const watched = last?.peak ? `, with up to ${many(last.peak, "viewer")}` : "";
  if (endedFor === undefined) return { kind: "away", title: `${channel} is offline`, detail: last ? `Was live for ${duration(last.lasted)}, ended ${ago(last.over)}. ${detail}` : detail };
  return { kind: "away", title: `${channel} went offline`, since: ago(endedFor), detail: last ? `Was live for ${duration(last.lasted)}${watched}. ${detail}` : detail };
}

/** The other computer is gone. The picture stays as long as the guide keeps the computer, see server/guide. */
function left(e: Entry, seconds: number): Scene {
  const [title, since] = [`${e.host} left`, ago(seconds)];
  if (e.state === "offline") return { kind: "away", title, since, detail: "Leave this page open: it goes on by itself when that computer returns.", action: "others" };
  return { kind: "holding", title, since, detail: "Holding the picture; it goes on by itself." };
}

function working(f: Facts): Scene {
  if (f.phaseFor < PATIENCE) return busy();
  if (f.fault?.kind === "network" || !f.connected) return busy("Reconnecting…", "The host does not answer. Trying again by itself.");
  if (f.phase === "waiting") return busy("Waiting for more picture", "The network to the host is slower than the stream.");
  return busy("Tuning in…", "The first picture comes with the streamer's next key frame.");
}

function failure(fault: Fault, e: Entry, linuxWebKit: boolean): Scene {
  const fails = (title: string, detail: string, action: Scene["action"] = "retry"): Scene => ({ kind: "failed", title, detail, action });
  switch (fault.kind) {
    case "codec":
    case "unsupported":
      if (linuxWebKit) return fails(`This window cannot play ${codec(e.videoCodec) || "video"}`, "Install gstreamer1.0-plugins-good and gstreamer1.0-libav, or watch in a browser.", "outside");
      return fails(`This browser cannot play ${codec(e.videoCodec) || "live video"}`, `Try another browser, or ask ${e.name} to stream in H.264.`);
    case "decode":
      return fails("The picture could not be decoded", "This device gave up on the video twice. Trying again often helps.");
    case "network":
      return fails("The player did not load", "The host may have been restarted or updated.");
  }
}
