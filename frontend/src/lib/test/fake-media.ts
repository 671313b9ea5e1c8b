import { vi } from "vitest";

/** A buffer that a test fills: one number pair per append, as if the bytes were that media. */
export class FakeSourceBuffer extends EventTarget {
  ranges: [number, number][] = [];
  updating = false;
  busy = false; // appends do not end until done() is called
  room = true; // else QuotaExceededError
  type: string;
  log: string[] = [];
  changeType(type: string) {
    if (this.updating) throw new DOMException("busy", "InvalidStateError");
    this.type = type;
    this.log.push(`type ${type}`);
  }

  constructor(type: string) {
    super();
    this.type = type;
  }
  get buffered() {
    const r = this.ranges;
    return { length: r.length, start: (i: number) => r[i]![0], end: (i: number) => r[i]![1] };
  }
  appendBuffer(data: Uint8Array) {
    if (this.updating) throw new DOMException("busy", "InvalidStateError");
    if (!this.room) throw new DOMException("full", "QuotaExceededError");
    this.log.push(`append ${data.length}`);
    this.#work();
  }
  remove(from: number, until: number) {
    if (this.updating) throw new DOMException("busy", "InvalidStateError");
    this.log.push(`remove ${from}-${until}`);
    this.ranges = this.ranges.filter(([, end]) => end > until).map(([start, end]) => [Math.max(start, until), end]);
    this.#work();
  }
  /** The work in progress ends. */
  done() {
    this.updating = false;
    this.dispatchEvent(new Event("updateend"));
  }
  #work() {
    this.updating = true;
    if (!this.busy) queueMicrotask(() => this.done());
  }
}

/** Opens by itself, as in a browser, once a task has passed. */
export class FakeMediaSource extends EventTarget {
  static last: FakeMediaSource;
  static known = /avc1|mp4a/;
  static isTypeSupported = (type: string) => FakeMediaSource.known.test(type);
  readyState = "closed";
  buffer!: FakeSourceBuffer;

  constructor() {
    super();
    FakeMediaSource.last = this;
    queueMicrotask(() => {
      this.readyState = "open";
      this.dispatchEvent(new Event("sourceopen"));
    });
  }
  addSourceBuffer(type: string) {
    return (this.buffer = new FakeSourceBuffer(type));
  }
}

/** A socket whose other end is the test. */
export class FakeSocket {
  static readonly OPEN = 1;
  static made: FakeSocket[] = [];
  static get last() {
    return FakeSocket.made.at(-1)!;
  }
  readyState = 0;
  binaryType = "";
  sent: Record<string, unknown>[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((e: { data: string | ArrayBuffer }) => void) | null = null;
  onclose: (() => void) | null = null;

  constructor(readonly url: string) {
    FakeSocket.made.push(this);
  }
  send(text: string) {
    this.sent.push(JSON.parse(text) as Record<string, unknown>);
  }
  close() {
    this.readyState = 3;
  }
  /** The host answers the upgrade. */
  open() {
    this.readyState = 1;
    this.onopen?.();
  }
  /** The host hangs up. */
  drop() {
    this.readyState = 3;
    this.onclose?.();
  }
  say(text: object | string) {
    this.onmessage?.({ data: typeof text === "string" ? text : JSON.stringify(text) });
  }
  /** A binary message as the package comment of server/push describes it. */
  bring(m: { init?: boolean; key?: boolean; number?: number; at?: number; size?: number }) {
    this.onmessage?.({ data: binary(m) });
  }
}

export function binary({ init = false, key = false, number = 1, at = Date.now(), size = 10 }): ArrayBuffer {
  const raw = new ArrayBuffer(16 + size);
  const v = new DataView(raw);
  v.setUint8(0, init ? 1 : 2);
  v.setUint8(1, key ? 1 : 0);
  v.setUint16(2, 7);
  v.setUint32(4, number);
  v.setBigUint64(8, BigInt(at));
  return raw;
}

/** Puts the fakes where a browser has the real ones. */
export function fakeMedia() {
  FakeSocket.made = [];
  FakeMediaSource.known = /avc1|mp4a/;
  vi.stubGlobal("WebSocket", FakeSocket);
  vi.stubGlobal("MediaSource", FakeMediaSource);
  vi.stubGlobal("SourceBuffer", FakeSourceBuffer);
  URL.createObjectURL = () => "blob:fake";
  URL.revokeObjectURL = () => {};
}
