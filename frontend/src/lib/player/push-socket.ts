import { parse, type Message, type Text } from "./push-wire";

export interface PushHandlers {
  on(codecs: string): void; // media follows, perhaps with other codecs than before
  off(): void; // the channel is not on air
  message(m: Message): void;
  missed(n: number): void; // we were too slow, and jumped
  down(): void; // the socket is gone and will not come back by itself
}

/** One channel over the host's push socket. It says what comes and compares clocks; what to do about it is the engine's business. */
export class PushSocket {
  #ws: WebSocket;
  #channel: string;
  #handlers: PushHandlers;
  #timer: ReturnType<typeof setInterval>;
  #offset: number | undefined; // ms to add to our clock for the host's
  #best = Infinity; // ms, of the quickest answer so far: its offset is the truest

  constructor(url: string, channel: string, viewer: string, handlers: PushHandlers) {
    this.#channel = channel;
    this.#handlers = handlers;
    this.#ws = new WebSocket(url);
    this.#ws.binaryType = "arraybuffer";
    this.#ws.onopen = () => {
      this.#say({ watch: channel, viewer });
      this.#ping();
    };
    this.#ws.onmessage = (e) => this.#heard(e.data);
    this.#ws.onclose = () => this.#closed();
    this.#timer = setInterval(() => {
      this.#say({ ack: channel });
      this.#ping();
    }, 5000);
  }

  /** The host's clock, ms since 1970; undefined until it was asked. */
  get now(): number | undefined {
    return this.#offset === undefined ? undefined : Date.now() + this.#offset;
  }

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

  #closed() {
    clearInterval(this.#timer);
    this.#handlers.down();
  }

  #heard(data: string | ArrayBuffer) {
    if (typeof data !== "string") {
      const m = parse(data);
      if (m) this.#handlers.message(m);
      return;
    }
    const t = JSON.parse(data) as Text;
    if (t.on === this.#channel) this.#handlers.on(t.codecs ?? "");
    else if (t.off === this.#channel) this.#handlers.off();
    else if (t.slow === this.#channel) this.#handlers.missed(t.missed ?? 0);
    else if (t.pong !== undefined && t.now !== undefined) this.#compare(t.pong, t.now);
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
