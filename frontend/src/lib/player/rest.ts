const PAUSE = 30_000; // ms paused or hidden in silence, after which nothing is fetched any more

/** Says when nobody has seen or heard an element for a while, and when somebody does again. */
export class Rest {
  #video: HTMLVideoElement;
  #sleep: () => void;
  #wake: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined; // set while nobody watches
  #resting = false;

  constructor(video: HTMLVideoElement, sleep: () => void, wake: () => void) {
    this.#video = video;
    this.#sleep = sleep;
    this.#wake = wake;
    for (const type of events) video.addEventListener(type, this.look);
    document.addEventListener("visibilitychange", this.look);
  }

  get resting(): boolean {
    return this.#resting;
  }

  /** To be called when there is something to see for the first time: perhaps nobody has looked yet. An element without it rests never. */
  look = () => {
    const v = this.#video;
    const idle = v.paused || (document.hidden && v.muted && !document.pictureInPictureElement);
    if (idle) {
      if (v.readyState > 0) this.#timer ??= setTimeout(this.#fallAsleep, PAUSE);
      return;
    }
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#resting) return;
    this.#resting = false;
    this.#wake();
  };

  destroy() {
    clearTimeout(this.#timer);
    for (const type of events) this.#video.removeEventListener(type, this.look);
    document.removeEventListener("visibilitychange", this.look);
  }

  #fallAsleep = () => {
    this.#resting = true;
    this.#sleep();
  };
}

const events = ["pause", "play", "volumechange"];
