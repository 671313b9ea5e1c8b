import { beforeEach, describe, expect, it, vi } from "vitest";
import { fakeMedia, FakeSocket } from "../test/fake-media";
import { PushSocket } from "./push-socket";

const heard = { on: vi.fn(), off: vi.fn(), message: vi.fn(), missed: vi.fn(), down: vi.fn() };
let socket: PushSocket;
const host = () => FakeSocket.last;

beforeEach(() => {
  vi.useFakeTimers();
  vi.clearAllMocks();
  fakeMedia();
  socket = new PushSocket("ws://h/push", "ann", "viewer", heard);
});

describe("PushSocket", () => {
  it("asks for its channel, compares clocks and goes on saying that it watches", () => {
    expect(host().url).toBe("ws://h/push?watch=ann&viewer=viewer");
    host().open();
    vi.advanceTimersByTime(5000);
    expect(host().sent).toMatchObject([{ ping: expect.any(Number) }, { ack: "ann" }, { ping: expect.any(Number) }]);
  });

  it("passes on what its channel is told, and nothing else", () => {
    for (const t of [{ on: "bob", codecs: "x" }, { off: "bob" }, { slow: "bob", missed: 3 }, "no JSON", "null"]) host().say(t);
    for (const f of Object.values(heard)) expect(f).not.toHaveBeenCalled();
    host().say({ on: "ann", codecs: "avc1" });
    host().say({ slow: "ann", missed: 3 });
    host().say({ off: "ann" });
    host().bring({ number: 9 });
    host().onmessage?.({ data: new ArrayBuffer(3) });
    expect(heard.on).toHaveBeenCalledWith("avc1");
    expect(heard.missed).toHaveBeenCalledWith(3);
    expect(heard.off).toHaveBeenCalledOnce();
    expect(heard.message).toHaveBeenCalledOnce();
  });

  it("knows the host's clock by its quickest answer", () => {
    expect(socket.now).toBeUndefined();
    const answer = (trip: number, ahead: number) => {
      const ping = performance.now();
      vi.advanceTimersByTime(trip);
      host().say({ pong: ping, now: Date.now() - trip / 2 + ahead });
      return Math.round(socket.now! - Date.now());
    };
    expect(answer(200, 60_000)).toBe(60_000);
    expect(answer(10, 60_020)).toBe(60_020);
    expect(answer(900, 61_000)).toBe(60_020); // a slow answer says less
  });

  it("notices a cable that was pulled, which closes no socket", () => {
    host().open();
    vi.advanceTimersByTime(10_000);
    host().say({ pong: 1, now: 1 });
    vi.advanceTimersByTime(10_000);
    expect(heard.down).not.toHaveBeenCalled();
    vi.advanceTimersByTime(10_000);
    expect(heard.down).toHaveBeenCalledOnce();
    expect(host().readyState).toBe(3);
  });

  it("tells once that it is gone, and nothing after it was closed", () => {
    host().open();
    host().drop();
    expect(heard.down).toHaveBeenCalledOnce();
    socket = new PushSocket("ws://h/push", "ann", "viewer", heard);
    socket.close();
    host().drop();
    vi.advanceTimersByTime(60_000);
    expect(heard.down).toHaveBeenCalledOnce();
    expect(vi.getTimerCount()).toBe(0);
  });
});
