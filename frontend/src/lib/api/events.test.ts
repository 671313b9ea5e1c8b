import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { addresses, entry } from "../test/fake-api";
import { Events } from "./events";

class FakeSocket {
  static all: FakeSocket[] = [];
  onmessage: ((e: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;
  closed = false;
  constructor(readonly url: string) {
    FakeSocket.all.push(this);
  }
  close() {
    this.closed = true;
  }
  say(message: unknown) {
    this.onmessage?.({ data: typeof message === "string" ? message : JSON.stringify(message) });
  }
}
const sockets = () => FakeSocket.all.length;
const last = () => FakeSocket.all.at(-1)!;
const listener = () => ({ set: vi.fn(), setConnected: vi.fn() });
const mover = { move: vi.fn() };
let stop = () => {};

beforeEach(() => {
  FakeSocket.all = [];
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", FakeSocket);
});
afterEach(() => stop());

it("passes on the list and that the line is up", () => {
  const heard = listener();
  stop = new Events("ws://h/api/events", heard, mover).run();
  const channels = [entry("ann")];
  last().say({ type: "channels", channels });
  expect(heard.set).toHaveBeenCalledWith(channels);
  expect(heard.setConnected).toHaveBeenLastCalledWith(true);
});

it("passes on that the host has moved", () => {
  stop = new Events("ws://h", listener(), mover).run();
  last().say({ type: "addresses", addresses: addresses("10.0.0.7") });
  expect(mover.move).toHaveBeenLastCalledWith(addresses("10.0.0.7"));
  last().say({ type: "addresses" });
  expect(mover.move).toHaveBeenCalledTimes(1);
});

it("opens again after a break, in longer and longer steps", () => {
  const heard = listener();
  stop = new Events("ws://h", heard, mover).run();
  last().onclose!();
  expect(heard.setConnected).toHaveBeenLastCalledWith(false);
  vi.advanceTimersByTime(700);
  expect(sockets()).toBe(2);
  last().onclose!();
  vi.advanceTimersByTime(700);
  expect(sockets()).toBe(2); // 0.75 to 1.25 s this time
  vi.advanceTimersByTime(600);
  expect(sockets()).toBe(3);
});

it("never waits longer than ten seconds for a host that was away all night", () => {
  stop = new Events("ws://h", listener(), mover).run();
  for (let i = 0; i < 20; i++) {
    last().onclose!();
    vi.advanceTimersByTime(10_000);
  }
  expect(sockets()).toBe(21);
});

it("notices a line that died without a word", () => {
  const heard = listener();
  stop = new Events("ws://h", heard, mover).run();
  last().say({ type: "ping" });
  const dead = last();
  vi.advanceTimersByTime(44_000);
  expect(dead.closed).toBe(false);
  vi.advanceTimersByTime(2_000);
  expect(dead.closed).toBe(true);
  expect(heard.setConnected).toHaveBeenLastCalledWith(false);
});

it("tries at once when the network is back", () => {
  stop = new Events("ws://h", listener(), mover).run();
  last().onclose!();
  window.dispatchEvent(new Event("online"));
  expect(sockets()).toBe(2);
});

it("survives words it does not understand", () => {
  const heard = listener();
  stop = new Events("ws://h", heard, mover).run();
  last().say("not json");
  last().say({ type: "channels" });
  last().say({ type: "new in a later version" });
  expect(heard.set).not.toHaveBeenCalled();
});

it("is silent after it was stopped", () => {
  const heard = listener();
  new Events("ws://h", heard, mover).run()();
  expect(last().closed).toBe(true);
  vi.advanceTimersByTime(60_000);
  expect(sockets()).toBe(1);
  expect(heard.setConnected).not.toHaveBeenCalled();
});
