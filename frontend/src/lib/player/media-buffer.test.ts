import { beforeEach, describe, expect, it, vi } from "vitest";
import { fakeMedia, FakeMediaSource } from "../test/fake-media";
import { MediaBuffer } from "./media-buffer";

const grew = vi.fn();
const failed = vi.fn();
const buffer = () => FakeMediaSource.last.buffer;
const bytes = (n: number) => new Uint8Array(n);
const settle = async () => {
  for (let i = 0; i < 10; i++) await Promise.resolve();
};
let v: HTMLVideoElement;
let media: MediaBuffer;

beforeEach(async () => {
  vi.clearAllMocks();
  fakeMedia();
  v = document.createElement("video");
  media = new MediaBuffer(v, FakeMediaSource as unknown as typeof MediaSource, grew, failed);
  media.become("avc1");
  await settle();
});

describe("MediaBuffer", () => {
  it("takes what came before it was open", async () => {
    media = new MediaBuffer(v, FakeMediaSource as unknown as typeof MediaSource, grew, failed);
    media.become("avc1");
    media.append(bytes(3));
    media.append(bytes(4));
    await settle();
    expect(buffer().log).toEqual(["append 7"]);
    expect(grew).toHaveBeenCalledOnce();
  });

  it("appends one thing at a time, in order, what waits together, and never across a change of type", () => {
    buffer().busy = true;
    media.append(bytes(1));
    media.append(bytes(2));
    media.append(bytes(3));
    media.become("hvc1");
    media.append(bytes(4));
    expect(buffer().log).toEqual(["append 1"]);
    buffer().done();
    expect(buffer().log).toEqual(["append 1", "append 5"]);
    buffer().done();
    expect(buffer().log).toEqual(["append 1", "append 5", "type hvc1", "append 4"]);
    expect(failed).not.toHaveBeenCalled();
  });

  it("knows its newest run, across holes", () => {
    expect(media.newest).toBeUndefined();
    buffer().ranges = [[0, 4], [9, 12]];
    expect(media.newest).toEqual({ start: 9, end: 12 });
  });

  it("throws away what is long past", async () => {
    buffer().ranges = [[0, 100]];
    v.currentTime = 99;
    media.append(bytes(1));
    await settle();
    expect(buffer().ranges).toEqual([[69, 100]]);
  });

  it("makes room once when the browser has none, and loses nothing", async () => {
    buffer().ranges = [[80, 100]];
    v.currentTime = 99;
    buffer().room = false;
    buffer().busy = true;
    media.append(bytes(5));
    expect(buffer().log).toEqual(["remove 0-98"]);
    media.append(bytes(6));
    buffer().room = true;
    buffer().done();
    expect(buffer().log).toEqual(["remove 0-98", "append 11"]);
    buffer().done();
    buffer().room = false;
    buffer().ranges = [[98, 120]];
    v.currentTime = 119;
    media.append(bytes(7)); // a day later it may happen again
    expect(buffer().log.at(-1)).toBe("remove 0-118");
    buffer().done();
    expect(failed).toHaveBeenCalledOnce(); // but not twice for the same append
  });

  it("fails when there is nothing to throw away", () => {
    buffer().room = false;
    media.append(bytes(5));
    expect(failed).toHaveBeenCalledOnce();
  });

  it("fails, once, when the decoder gives up, a type is refused or a buffer stays busy", () => {
    buffer().dispatchEvent(new Event("error"));
    buffer().dispatchEvent(new Event("error"));
    expect(failed).toHaveBeenCalledTimes(1);

    media = new MediaBuffer(v, FakeMediaSource as unknown as typeof MediaSource, grew, failed);
    for (let i = 0; i < 40; i++) media.append(bytes(1 << 20)); // it never opens
    expect(failed).toHaveBeenCalledTimes(2);
  });

  it("is silent and empty-handed once closed", async () => {
    const last = buffer();
    media.close();
    last.done();
    last.dispatchEvent(new Event("error"));
    media.append(bytes(1));
    await settle();
    expect(grew).not.toHaveBeenCalled();
    expect(failed).not.toHaveBeenCalled();
    expect(v.hasAttribute("src")).toBe(false);
    expect(media.newest).toBeUndefined();
  });
});
