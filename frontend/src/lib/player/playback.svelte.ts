import { untrack } from "svelte";
import type { PlayerPrefs } from "../state/player-prefs.svelte";
import { LIVE_OFFSET, pick, type Engine, type EngineKind, type Fault } from "./engine";
import type { Sample } from "./stats";

/** empty: nothing tuned in. tuning: asked for, no picture yet. waiting: had a picture, ran dry. */
export type Phase = "empty" | "tuning" | "playing" | "paused" | "waiting" | "failed";

const MARGIN = 1; // s; what the host has moves on while we seek
const JUMP_REST = 10_000; // ms between two jumps: a network that needs more of them needs a pause instead

/**
 * One player. Facts move only on events of the media element; wishes go to the element and come back as facts, so what the controls
 * show is what happens. The playback rate is left to the engine: in WebKitGTK a change un-mutes the element, which the autoplay rule then
 * pauses. Catching up is a jump.
 */
export class Playback {
  #prefs: PlayerPrefs;
  #kinds: EngineKind[];
  #silent: boolean;
  #video: HTMLVideoElement | undefined;
  #engine: Engine | undefined;
  #soundAllowed = false; // somebody pressed for sound while this page lived
  #jumped = 0;

  #wanted = true; // nobody has paused it
  #phase = $state<Phase>("empty");
  #since = $state(0);
  #muted = $state(true);
  #volume = $state(1);
  #tap = $state<"" | "sound" | "play">("");
  #fault = $state<Fault | null>(null);
  #delay = $state<number>();
  #behind = $state<number>();
  #following = true; // and nobody went back
  #paused = $state(false);
  #inPip = $state(false);
  #hadPicture = $state(false);
  #attempt = $state(0);

  /** silent: a preview, which never makes a sound nor asks to. */
  constructor(prefs: PlayerPrefs, kinds: EngineKind[], silent = false) {
    this.#prefs = prefs;
    this.#kinds = kinds;
    this.#silent = silent;
  }

  // Facts.
  get phase(): Phase {
    return this.#phase;
  }
  /** When the phase began, ms since 1970 by this machine's clock. */
  get since(): number {
    return this.#since;
  }
  /** It would not move if it could: paused, or not allowed to begin. */
  get paused(): boolean {
    return this.#paused || this.#tap === "play";
  }
  get muted(): boolean {
    return this.#muted;
  }
  get volume(): number {
    return this.#volume;
  }
  /** What the browser wants a tap for: sound after muted autoplay, or playing at all. */
  get tap(): "" | "sound" | "play" {
    return this.#tap;
  }
  get fault(): Fault | null {
    return this.#fault;
  }
  get delay(): number | undefined {
    return this.#delay;
  }
  get behind(): number {
    return Math.max(0, this.#behind ?? 0);
  }
  get live(): boolean {
    return this.#behind !== undefined && this.#behind <= LIVE_OFFSET;
  }
  get inPip(): boolean {
    return this.#inPip;
  }
  /** The element shows a frame, perhaps an old one. */
  get hadPicture(): boolean {
    return this.#hadPicture;
  }
  /** All there is to know at this moment; undefined while nothing is tuned in. */
  sample(): Sample | undefined {
    const [video, engine] = [this.#video, this.#engine];
    if (!video || !engine) return undefined;
    const q = video.getVideoPlaybackQuality?.();
    return { ...engine.read(), at: Date.now(), width: video.videoWidth, height: video.videoHeight, frames: q?.totalVideoFrames ?? 0, dropped: q?.droppedVideoFrames ?? 0 };
  }

  // Wishes.
  toggle() {
    if (this.#video?.paused) this.play();
    else this.pause();
  }
  play() {
    this.#wanted = true;
    void this.#start();
  }
  pause() {
    this.#wanted = this.#following = false;
    this.#video?.pause();
  }
  setVolume(v: number) {
    if (!this.#video) return;
    const volume = Math.min(1, Math.max(0, Math.round(v * 100) / 100));
    this.#video.volume = volume;
    this.#prefs.volume = volume;
    if (volume > 0 && this.#video.muted) this.soundOn();
  }
  toggleMute() {
    if (!this.#video) return;
    if (this.#video.muted || !this.#video.volume) return this.soundOn();
    this.#prefs.muted = true;
    this.#video.muted = true;
  }
  soundOn() {
    if (!this.#video || this.#silent) return;
    this.#soundAllowed = true;
    this.#prefs.muted = false;
    this.#tap = "";
    if (!this.#video.volume) this.setVolume(0.3);
    this.#video.muted = false;
    if (this.#video.paused) this.play();
  }
  goLive() {
    const edge = this.#engine?.read().edge;
    this.#following = true;
    this.#jumped = Date.now();
    if (this.#video && edge !== undefined) this.#video.currentTime = edge;
    if (this.#video?.paused) this.play();
  }
  /** Back (negative) or forward, within what is buffered and the host still has; forward never past live. */
  seekBy(seconds: number) {
    const video = this.#video;
    if (!video?.buffered.length) return;
    const { edge = video.buffered.end(video.buffered.length - 1), start = 0 } = this.#engine?.read() ?? {};
    this.#following = seconds > 0 && video.currentTime + seconds >= edge;
    const earliest = Math.max(video.buffered.start(0), start + MARGIN);
    video.currentTime = Math.min(Math.max(video.currentTime + seconds, earliest), edge);
    this.#measure();
  }
  /** Starts over after a final fault. */
  retry() {
    this.#attempt++;
  }
  async togglePip() {
    try {
      if (document.pictureInPictureElement) await document.exitPictureInPicture();
      else await this.#video?.requestPictureInPicture();
    } catch {
      // Refused: no picture yet, or the system has none. The fact stays as it was.
    }
  }

  // For the <video> element. Each answers with what undoes it.

  /** Hears the element. */
  listen = (video: HTMLVideoElement) => {
    this.#video = video;
    for (const [type, on] of this.#hears) video.addEventListener(type, on);
    untrack(() => this.#heardVolume());
    return () => {
      for (const [type, on] of this.#hears) video.removeEventListener(type, on);
      this.#video = undefined;
    };
  };

  /**
   * Tunes the element in to url; undefined tunes out. A new url, a new broadcast on the same url, or retry, tunes in afresh: this is
   * called in a $derived, which is another function whenever something it read has changed.
   */
  tune(url: string | undefined, _broadcast = ""): (video: HTMLVideoElement) => void | (() => void) {
    void this.#attempt;
    return (video) => {
      if (!url) return;
      let over = false;
      untrack(() => this.#begin(video)); // its reads (volume, muted) must not tune in afresh
      const report = (fault: Fault | null) => this.#reported(fault);
      void pick(this.#kinds)
        .then((make) => {
          if (over) return;
          if (!make) return report({ kind: "unsupported", final: true });
          this.#engine = make(report);
          this.#engine.attach(video, url);
          this.#found(video);
        })
        // The player's own code did not arrive: the host is gone, or was updated under this page.
        .catch(() => !over && report({ kind: "network", final: true }));
      const timer = setInterval(() => this.#measure(), 1000);
      return () => {
        over = true;
        clearInterval(timer);
        this.#end();
      };
    };
  }

  #begin(video: HTMLVideoElement) {
    video.volume = this.#prefs.volume;
    video.muted = this.#silent || this.#prefs.muted || !this.#soundAllowed;
    this.#tap = video.muted && !this.#silent && !this.#prefs.muted ? "sound" : "";
    this.#wanted = this.#following = true;
    this.#fault = null;
    this.#paused = this.#hadPicture = false;
    this.#enter("tuning");
  }

  #end() {
    this.#engine?.destroy();
    this.#engine = undefined;
    this.#delay = this.#behind = undefined;
    this.#tap = "";
    this.#enter("empty");
  }

  #reported(fault: Fault | null) {
    if (fault?.kind === this.#fault?.kind && fault?.final === this.#fault?.final) return;
    this.#fault = fault;
    if (fault?.final) this.#enter("failed");
    else if (!fault && this.#phase === "failed") this.#enter("tuning"); // another engine, another try
  }

  #enter(phase: Phase) {
    if (phase === this.#phase) return;
    if (this.#phase === "failed" && phase !== "tuning" && phase !== "empty") return;
    this.#phase = phase;
    this.#since = Date.now();
  }

  /** Plays; where the browser wants a gesture first, remembers what to ask for. */
  async #start() {
    const video = this.#video;
    if (!video) return;
    try {
      await video.play();
      if (this.#tap === "play") this.#tap = "";
    } catch (e) {
      if ((e as DOMException).name !== "NotAllowedError") return; // AbortError: another load came in between
      if (video.muted) {
        this.#tap = "play";
        return;
      }
      video.muted = true;
      this.#tap = "sound";
      await video.play().catch(() => (this.#tap = "play"));
    }
  }

  #hears: [string, () => void][] = [
    ["loadedmetadata", () => this.#goOn()], // iPhones fetch no picture before somebody wants to play
    ["loadeddata", () => this.#loaded()],
    ["playing", () => this.#enter("playing")],
    ["play", () => (this.#paused = false)],
    ["pause", () => this.#heardPause()],
    ["waiting", () => this.#hadPicture && !this.#video?.paused && this.#enter("waiting")],
    ["volumechange", () => this.#heardVolume()],
    ["timeupdate", () => this.#moved()],
    ["seeked", () => this.#measure()],
    ["enterpictureinpicture", () => (this.#inPip = true)],
    ["leavepictureinpicture", () => (this.#inPip = false)],
  ];

  #loaded() {
    this.#hadPicture = true;
    this.#goOn();
  }

  /** A new source stops the element without a word. Who went back wants to see on as well. */
  #goOn() {
    if (this.#wanted && this.#video?.paused) void this.#start();
  }

  #heardPause() {
    this.#paused = true;
    if (this.#hadPicture) this.#enter("paused");
  }

  /** An engine that began early may have a picture already, of which the element said so before we listened. */
  #found(video: HTMLVideoElement) {
    if (video.readyState < 2) return video.readyState < 1 ? undefined : this.#goOn();
    this.#loaded();
    if (!video.paused) this.#enter("playing");
  }

  #moved() {
    const v = this.#video;
    // WebKit does not always say "playing" after a stall; time that moves with data ahead is as good.
    if (this.#phase === "waiting" && v && !v.paused && !v.seeking && v.readyState >= 3) this.#enter("playing");
    this.#measure();
  }

  #heardVolume() {
    if (!this.#video) return;
    this.#muted = this.#video.muted || this.#video.volume === 0;
    this.#volume = this.#video.volume;
    if (!this.#video.muted && this.#tap === "sound") this.#tap = "";
  }

  #measure() {
    const reading = this.#engine?.read();
    if (!reading || !this.#hadPicture) return;
    this.#delay = reading.delay;
    this.#behind = reading.behind;
    if (this.live && !this.#video?.paused) this.#following = true;
    this.#catchUp(reading.edge);
  }

  #catchUp(edge: number | undefined) {
    const video = this.#video;
    if (!video || video.paused || video.seeking || edge === undefined || !this.#following || this.live) return;
    if (Date.now() - this.#jumped < JUMP_REST) return;
    this.#jumped = Date.now();
    video.currentTime = edge;
  }
}
