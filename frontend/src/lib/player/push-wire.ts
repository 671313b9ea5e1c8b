/** What the host's push socket sends, see the package comment of server/push. */

/** One binary message: an initialisation segment, or one picture with the sound before it. */
export interface Message {
  init: boolean;
  key: boolean; // decoding can start here
  tag: number; // which channel of the socket
  number: number; // counts the channel's messages; a gap means that we were too slow
  at: number; // when its last frame reached the host, ms since 1970 by the host's clock
  data: Uint8Array<ArrayBuffer>;
}

const HEADER = 16;

/** undefined for something shorter than a header. */
export function parse(raw: ArrayBuffer): Message | undefined {
  if (raw.byteLength < HEADER) return undefined;
  const v = new DataView(raw);
  return {
    init: v.getUint8(0) === 1,
    key: (v.getUint8(1) & 1) !== 0,
    tag: v.getUint16(2),
    number: v.getUint32(4),
    at: v.getUint32(8) * 2 ** 32 + v.getUint32(12),
    data: new Uint8Array(raw, HEADER),
  };
}

/** A text of the host; one of the first four is set. */
export interface Text {
  on?: string;
  tag?: number;
  codecs?: string;
  off?: string;
  slow?: string;
  missed?: number;
  pong?: number;
  now?: number;
}

/** undefined for what is no JSON object: a proxy's page, or a text cut short. */
export function parseText(raw: string): Text | undefined {
  try {
    const t: unknown = JSON.parse(raw);
    return typeof t === "object" && t !== null ? t : undefined;
  } catch {
    return undefined;
  }
}
