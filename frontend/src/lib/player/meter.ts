const WINDOW = 2000; // ms

/** Bit rate over windows of two seconds. */
export class Meter {
  #since = 0;
  #bytes = 0;
  bitrate: number | undefined; // bit/s

  add(bytes: number) {
    const now = Date.now();
    this.#since ||= now;
    if (now - this.#since >= WINDOW) {
      this.bitrate = (this.#bytes * 8000) / (now - this.#since);
      this.#since = now;
      this.#bytes = 0;
    }
    this.#bytes += bytes;
  }
}
