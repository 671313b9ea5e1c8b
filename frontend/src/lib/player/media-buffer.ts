/** MediaSource, or the only kind that iPhones have. undefined: this browser has neither. */
export function mediaSource(): typeof MediaSource | undefined {
  const w = window as { MediaSource?: typeof MediaSource; ManagedMediaSource?: typeof MediaSource };
  return w.MediaSource ?? w.ManagedMediaSource;
}

const KEEP = 30; // s behind the picture, for going back a little
const SPARE = 1; // s behind the picture that stay when room is short
const MOST = 32 << 20; // bytes that may wait: half a minute of 8 Mb/s. A buffer that is busy for longer is broken

/** From start to end without a hole, in seconds of media time. */
export interface Run {
  start: number;
  end: number;
}

/** The newest run of ranges, undefined for none. */
export function newestRun(b: TimeRanges | undefined): Run | undefined {
  return b?.length ? { start: b.start(b.length - 1), end: b.end(b.length - 1) } : undefined;
}

/**
 * One SourceBuffer that takes appends and changes of type in order, whenever it can, and throws away what is long past. failed is called
 * once, when the element's decoder gave up or the browser has no room.
 */
export class MediaBuffer {
  #source: MediaSource;
  #url: string;
  #video: HTMLVideoElement;
  #buffer: SourceBuffer | undefined;
  #queue: (Uint8Array<ArrayBuffer> | string)[] = []; // a string is a type: what follows is of it
  #waiting = 0; // bytes in the queue
  #cramped = false; // the last append found no room
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
    this.#queue.push(type);
    this.#pump();
  }

  append(data: Uint8Array<ArrayBuffer>) {
    this.#queue.push(data);
    this.#waiting += data.length;
    if (this.#waiting > MOST) return this.#fail();
    this.#pump();
  }

  /** undefined while nothing is buffered. */
  get newest(): Run | undefined {
    return newestRun(this.#ranges());
  }

  /** Lets go of the element. Nothing is called afterwards. */
  close() {
    this.#over();
    this.#video.removeAttribute("src");
    this.#video.load();
  }

  #over() {
    this.#failed = this.#grew = () => {};
    this.#queue = [];
    this.#waiting = 0;
    this.#source.removeEventListener("sourceopen", this.#pump);
    this.#buffer?.removeEventListener("updateend", this.#updated);
    this.#buffer?.removeEventListener("error", this.#fail);
    this.#buffer = undefined;
    URL.revokeObjectURL(this.#url);
  }

  #fail = () => {
    const failed = this.#failed;
    this.#over();
    failed();
  };

  #ranges(): TimeRanges | undefined {
    try {
      return this.#buffer?.buffered;
    } catch {
      return undefined; // the element was reset under us
    }
  }

  #pump = () => {
    if (this.#source.readyState !== "open") return;
    while (this.#queue.length && !this.#buffer?.updating) {
      const next = this.#next();
      try {
        if (typeof next === "string") this.#become(next);
        else this.#append(next);
      } catch (e) {
        if (typeof next === "string" || (e as DOMException).name !== "QuotaExceededError") return this.#fail();
        return this.#makeRoom(next);
      }
    }
  };

  /** A change of type, or all bytes before the next one: each append costs the browser a task. */
  #next(): Uint8Array<ArrayBuffer> | string {
    const [first] = this.#queue;
    if (typeof first === "string" || this.#queue.length === 1) return this.#take(1)[0]!;
    const typed = this.#queue.findIndex((d) => typeof d === "string");
    const parts = this.#take(typed < 0 ? this.#queue.length : typed) as Uint8Array<ArrayBuffer>[];
    const all = new Uint8Array(parts.reduce((n, d) => n + d.length, 0));
    let at = 0;
    for (const d of parts) {
      all.set(d, at);
      at += d.length;
    }
    return all;
  }

  #take(n: number) {
    const taken = this.#queue.splice(0, n);
    for (const d of taken) if (typeof d !== "string") this.#waiting -= d.length;
    return taken;
  }

  #become(type: string) {
    if (this.#buffer) return this.#buffer.changeType(type);
    this.#buffer = this.#source.addSourceBuffer(type);
    this.#buffer.addEventListener("updateend", this.#updated);
    this.#buffer.addEventListener("error", this.#fail);
  }

  #append(data: Uint8Array<ArrayBuffer>) {
    this.#buffer?.appendBuffer(data);
    this.#cramped = false;
  }

  /** Once per append: what a browser still refuses then, it will refuse for ever. */
  #makeRoom(data: Uint8Array<ArrayBuffer>) {
    const first = this.#ranges();
    const until = this.#video.currentTime - SPARE;
    if (this.#cramped || !first?.length || first.start(0) >= until) return this.#fail();
    this.#cramped = true;
    this.#queue.unshift(data);
    this.#waiting += data.length;
    this.#remove(until);
  }

  #remove(until: number) {
    try {
      this.#buffer?.remove(0, until);
    } catch {
      this.#fail();
    }
  }

  #updated = () => {
    const past = this.#video.currentTime - KEEP;
    const b = this.#ranges();
    if (b?.length && b.start(0) < past - KEEP) this.#remove(past);
    else this.#pump();
    this.#grew();
  };
}
