import { vi } from "vitest";

/** Sees nothing, so thumbnails load nothing. */
export class NullObserver {
  observe() {}
  disconnect() {}
  unobserve() {}
  takeRecords() {
    return [];
  }
}

/** Media elements that obey without playing: play and pause change `paused` and fire their events, as a browser would. */
export function quietMedia() {
  const paused = new WeakMap<HTMLMediaElement, boolean>();
  const proto = HTMLMediaElement.prototype;
  Object.defineProperty(proto, "paused", {
    configurable: true,
    get(this: HTMLMediaElement) {
      return paused.get(this) ?? true;
    },
  });
  vi.spyOn(proto, "load").mockImplementation(function (this: HTMLMediaElement) {
    paused.set(this, true); // without a pause event, as the standard says
  });
  vi.spyOn(proto, "pause").mockImplementation(function (this: HTMLMediaElement) {
    if (this.paused) return;
    paused.set(this, true);
    this.dispatchEvent(new Event("pause"));
  });
  refused = "nothing";
  vi.spyOn(proto, "play").mockImplementation(async function (this: HTMLMediaElement) {
    if (refused === "all" || (refused === "unmuted" && !this.muted)) throw new DOMException("gesture", "NotAllowedError");
    paused.set(this, false);
    this.dispatchEvent(new Event("play"));
    this.dispatchEvent(new Event("playing"));
  });
}
let refused: "nothing" | "unmuted" | "all";

/** Makes play() refuse as browsers do without a gesture: "unmuted" refuses sound only, "all" refuses everything. */
export function refusePlay(what: "unmuted" | "all") {
  refused = what;
}

/** A <video> with a settable buffer. */
export function video(buffered: [number, number] = [0, 100]): HTMLVideoElement {
  const v = document.createElement("video");
  const range = { length: 1, start: () => buffered[0], end: () => buffered[1] };
  Object.defineProperty(v, "buffered", { value: range });
  Object.defineProperty(v, "seekable", { value: range });
  return v;
}
