import { expect, it, vi } from "vitest";
import { entry, FakeApi } from "../test/fake-api";
import { Clock } from "./clock.svelte";
import { Deed } from "./deed.svelte";
import { House } from "./house.svelte";
import { isLoudness, Persisted } from "./persisted.svelte";
import { PlayerPrefs } from "./player-prefs.svelte";
import { Router } from "./router.svelte";
import { Session } from "./session.svelte";
import { Theme } from "./theme.svelte";
import { Watching } from "./watching.svelte";

it("Session knows who signed in, what they may do, and forgets them", async () => {
  const session = new Session(new FakeApi());
  expect(session.known).toBe(false);
  await session.load();
  expect([session.known, session.user, session.mayStream]).toEqual([true, null, false]);
  await session.signIn("ann", "correct horse");
  expect([session.user?.name, session.mayStream, session.mayManage]).toEqual(["ann", true, false]);
  await session.signOut();
  expect(session.user).toBeNull();
});

it("Session keeps its state when signing in fails", async () => {
  const session = new Session(new FakeApi());
  await expect(session.signIn("ann", "wrong")).rejects.toMatchObject({ code: "unauthenticated" });
  expect(session.user).toBeNull();
});

it("House makes links that work on other machines", async () => {
  const house = new House(new FakeApi());
  await house.load();
  expect(house.linkTo("ann", "http://127.0.0.1:5175")).toBe("http://192.168.1.20:5175/@ann");
  expect(house.linkTo("ann", "http://192.168.7.3:5175")).toBe("http://192.168.7.3:5175/@ann");
});

it("House assumes it is set up until it hears otherwise", async () => {
  const api = new FakeApi();
  const house = new House(api);
  expect([house.known, house.setUp]).toEqual([false, true]);
  api.refuse("unreachable", "the host does not answer");
  await house.load();
  expect(house.error?.code).toBe("unreachable");
  api.house_ = { ...api.house_, setUp: false };
  await house.load();
  expect([house.known, house.setUp, house.error]).toEqual([true, false, undefined]);
});

it("Persisted survives, refuses what it did not write, and lives without storage", () => {
  new Persisted("x", 0.5, isLoudness).current = 0.25;
  expect(new Persisted("x", 0.5, isLoudness).current).toBe(0.25);
  for (const bad of ['"loud"', "7", "{", "null"]) {
    localStorage.setItem("echotv.x", bad);
    expect(new Persisted("x", 0.5, isLoudness).current).toBe(0.5);
  }
  vi.spyOn(Storage.prototype, "setItem").mockImplementation(() => {
    throw new DOMException("full", "QuotaExceededError");
  });
  const p = new Persisted("y", 0.5, isLoudness);
  p.current = 0.1;
  expect(p.current).toBe(0.1);
});

it("PlayerPrefs remember the volume for the next visit", () => {
  new PlayerPrefs().volume = 0.2;
  expect(new PlayerPrefs().volume).toBe(0.2);
});

it("Theme marks the document only when somebody chose", () => {
  const root = document.createElement("html");
  const theme = new Theme(root);
  expect(root.dataset.theme).toBeUndefined();
  theme.choose("light");
  expect(root.dataset.theme).toBe("light");
  expect(new Theme(document.createElement("html")).choice).toBe("light");
  theme.choose("system");
  expect(root.dataset.theme).toBeUndefined();
});

it("Clock counts by the server's time when the two differ", () => {
  vi.useFakeTimers({ now: Date.parse("2026-01-01T12:00:00Z") });
  const clock = new Clock();
  const stop = clock.run();
  clock.correct("Thu, 01 Jan 2026 12:10:00 GMT"); // ten minutes ahead of us
  vi.advanceTimersByTime(1000);
  expect(clock.since("2026-01-01T12:09:01Z")).toBe(60);
  expect(clock.since("2026-01-01T13:00:00Z")).toBe(0);
  expect(clock.since(null)).toBe(0);
  stop();
});

it("Clock takes no notice of a second's difference or of nonsense", () => {
  vi.useFakeTimers({ now: Date.parse("2026-01-01T12:00:00.900Z") });
  const clock = new Clock();
  const stop = clock.run();
  clock.correct("Thu, 01 Jan 2026 12:00:00 GMT");
  clock.correct(null);
  clock.correct("soon");
  vi.advanceTimersByTime(1000);
  expect(clock.now).toBe(Date.now());
  stop();
});

it("Router takes anything that is not a path of ours for home", () => {
  location.hash = "#main";
  expect(new Router().path).toBe("/");
  location.hash = "#/studio";
  expect(new Router().path).toBe("/studio");
});

it("Deed runs once at a time and keeps what went wrong", async () => {
  const deed = new Deed();
  let finish = () => {};
  const act = vi.fn(() => new Promise<void>((done) => (finish = done)));
  const first = deed.run(act);
  expect(await deed.run(act)).toBe(false);
  expect(act).toHaveBeenCalledTimes(1);
  finish();
  expect(await first).toBe(true);
  expect(await deed.run(() => Promise.reject(new TypeError("bug")))).toBe(false);
  expect(deed.error?.code).toBe("internal");
  expect(deed.busy).toBe(false);
});

it("Watching tells who was never on from who just went", () => {
  let now = 1000;
  const seen = new Watching(() => now);
  seen.see(entry("ann", { state: "offline" }));
  expect(seen.endedAt).toBeUndefined();
  seen.see(entry("ann", { state: "starting" }));
  seen.see(entry("ann"));
  now = 5000;
  seen.see(entry("ann", { state: "offline" }));
  expect(seen.endedAt).toBe(5000);
  now = 6000;
  seen.see(entry("ann", { state: "offline", title: "changed" }));
  expect(seen.endedAt).toBe(5000);
  seen.see(entry("ann"));
  expect(seen.endedAt).toBeUndefined();
});
