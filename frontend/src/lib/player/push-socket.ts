import { parse, parseText, type Message } from "./push-wire";

export interface PushHandlers {
  on(codecs: string): void; // media follows, perhaps with other codecs than before
  off(): void; // the channel is not on air
  message(m: Message): void;
  missed(n: number): void; // we were too slow, and jumped
  down(): void; // the socket is gone and will not come back by itself
}

const BEAT = 5000; // ms between two acks; the host forgets who is silent for 15 s
const SILENCE = 12_000; // ms without a word, though each beat is answered: a pulled cable closes no socket

/** One channel over the host's push socket. It says what comes and compares clocks; what to do about it is the engine's business. */
export class PushSocket {
  #ws: WebSocket;
  #channel: string;
  #viewer: string;
  #handlers: PushHandlers;
  #timer: ReturnType<typeof setInterval>;
  #heardAt = performance.now();
  #offset: number | undefined; // ms to add to our clock for the host's
  #best = Infinity; // ms, of the quickest answer so far: its offset is the truest

  constructor(url: string, channel: string, viewer: string, handlers: PushHandlers) {
    this.#channel = channel;
    this.#viewer = viewer;
    this.#handlers = handlers;
    this.#ws = new WebSocket(`${url}?${new URLSearchParams({ watch: channel, viewer })}`); // one round trip less than a text
    this.#ws.binaryType = "arraybuffer";
    this.#ws.onopen = () => this.#ping();
    this.#ws.onmessage = (e: MessageEvent<string | ArrayBuffer>) => this.#heard(e.data);
    this.#ws.onclose = () => this.#down();
    this.#timer = setInterval(() => this.#beat(), BEAT);
  }

  /** The host's clock, ms since 1970; undefined until it was asked. */
  get now(): number | undefined {
    return this.#offset === undefined ? undefined : Date.now() + this.#offset;
  }

  /** Asks for the channel, again after an "off". */
  watch() {
    this.#say({ watch: this.#channel, viewer: this.#viewer });
  }

  /** Nothing is called afterwards. */
  close() {
    clearInterval(this.#timer);
    this.#ws.onopen = this.#ws.onmessage = this.#ws.onclose = null;
    this.#ws.close();
  }

  #say(text: object) {
    if (this.#ws.readyState === WebSocket.OPEN) this.#ws.send(JSON.stringify(text));
  }

  #ping() {
    this.#say({ ping: performance.now() });
  }

  #beat() {
    if (performance.now() - this.#heardAt > SILENCE) return this.#down();
    this.#say({ ack: this.#channel });
    this.#ping();
  }

  #down() {
    this.close();
    this.#handlers.down();
  }

  #heard(data: string | ArrayBuffer) {
    this.#heardAt = performance.now();
    if (typeof data !== "string") {
      const m = parse(data);
      if (m) this.#handlers.message(m);
      return;
    }
    const t = parseText(data);
    if (t?.on === this.#channel) this.#handlers.on(t.codecs ?? "");
    else if (t?.off === this.#channel) this.#handlers.off();
    else if (t?.slow === this.#channel) this.#handlers.missed(t.missed ?? 0);
    else if (t?.pong !== undefined && t.now !== undefined) this.#compare(t.pong, t.now);
  }

  /** Half of a round trip is the best guess at one way; clocks drift, so an old best is forgotten slowly. */
  #compare(sent: number, now: number) {
    const trip = performance.now() - sent;
    this.#best *= 1.2;
    if (trip > this.#best) return;
    this.#best = trip;
    this.#offset = now + trip / 2 - Date.now();
  }
}
