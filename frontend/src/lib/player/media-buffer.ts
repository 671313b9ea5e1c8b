/** MediaSource, or the only kind that iPhones have. undefined: this browser has neither. */
export function mediaSource(): typeof MediaSource | undefined {
  const w = window as { MediaSource?: typeof MediaSource; ManagedMediaSource?: typeof MediaSource };
  return w.MediaSource ?? w.ManagedMediaSource;
}

const KEEP = 30; // s behind the picture, for going back a little

/**
 * One SourceBuffer that takes appends in order, whenever it can, and throws away what is long past. failed is called once, when the
 * element's decoder gave up or the browser has no room.
 */
export class MediaBuffer {
  #source: MediaSource;
  #url: string;
  #video: HTMLVideoElement;
  #buffer: SourceBuffer | undefined;
  #queue: Uint8Array<ArrayBuffer>[] = [];
  #type = "";
  #failed: () => void;
  #grew: () => void;

  /** grew is called whenever more is buffered. */
  constructor(video: HTMLVideoElement, Source: typeof MediaSource, grew: () => void, failed: () => void) {
    this.#video = video;
    this.#grew = grew;
    this.#failed = failed;
    this.#source = new Source();
    this.#source.addEventListener("sourceopen", this.#pump);
    this.#url = URL.createObjectURL(this.#source);
    video.disableRemotePlayback = true; // a ManagedMediaSource opens only then
    video.src = this.#url;
  }

  static supports(type: string): boolean {
    return mediaSource()?.isTypeSupported(type) ?? false;
  }

  /** What follows is of this type. */
  become(type: string) {
    this.#type = type;
    if (this.#buffer && "changeType" in this.#buffer) this.#try(() => this.#buffer!.changeType(type));
  }

  append(data: Uint8Array<ArrayBuffer>) {
    this.#queue.push(data);
    this.#pump();
  }

  /** The last second buffered; undefined while nothing is. */
  get end(): number | undefined {
    const b = this.#ranges();
    return b?.length ? b.end(b.length - 1) : undefined;
  }

  /** Where the newest run without a hole begins. */
  get start(): number | undefined {
    const b = this.#ranges();
    return b?.length ? b.start(b.length - 1) : undefined;
  }

  close() {
    this.#failed = this.#grew = () => {};
    this.#queue = [];
    this.#source.removeEventListener("sourceopen", this.#pump);
    this.#video.removeAttribute("src");
    this.#video.load();
    URL.revokeObjectURL(this.#url);
  }

  #ranges(): TimeRanges | undefined {
    try {
      return this.#buffer?.buffered;
    } catch {
      return undefined; // the element was reset under us
    }
  }

  #pump = () => {
    if (this.#source.readyState !== "open" || this.#buffer?.updating) return;
    if (!this.#buffer) {
      if (!this.#type) return;
      this.#try(() => {
        this.#buffer = this.#source.addSourceBuffer(this.#type);
        this.#buffer.addEventListener("updateend", this.#updated);
        this.#buffer.addEventListener("error", () => this.#failed());
      });
    }
    const next = this.#queue.length > 1 ? this.#together() : this.#queue.shift();
    if (next && this.#buffer) this.#try(() => this.#buffer!.appendBuffer(next));
  };

  /** All that waits in one append: each costs the browser a task. */
  #together(): Uint8Array<ArrayBuffer> {
    const all = new Uint8Array(this.#queue.reduce((n, d) => n + d.length, 0));
    let at = 0;
    for (const d of this.#queue) {
      all.set(d, at);
      at += d.length;
    }
    this.#queue = [];
    return all;
  }

  #updated = () => {
    this.#grew();
    const b = this.#ranges();
    const past = this.#video.currentTime - KEEP;
    if (b?.length && b.start(0) < past - KEEP && !this.#buffer!.updating) this.#try(() => this.#buffer!.remove(0, past));
    else this.#pump();
  };

  #try(act: () => void) {
    try {
      act();
    } catch {
      this.#failed();
    }
  }
}
