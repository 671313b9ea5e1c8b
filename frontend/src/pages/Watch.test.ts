import { screen, within } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { tick } from "svelte";
import { expect, it, vi } from "vitest";
import { away, entry, FakeApi, host, kimsId } from "../lib/test/fake-api";
import { FakeKind } from "../lib/test/fake-engine";
import { Guide } from "../lib/state/guide.svelte";
import { open, parts } from "../lib/test/open";
import Watch from "./Watch.svelte";

async function watch(entries = [entry("ann", { title: "Falling", category: "Maths", viewers: 9 })], name = "ann") {
  const api = new FakeApi();
  api.entries = entries;
  const app = await parts(api);
  const kind = new FakeKind();
  open(Watch, app, { name, kinds: [kind] });
  await settle();
  return { app, api, kind };
}
const settle = async () => {
  await new Promise((done) => setTimeout(done));
  await tick();
};
const words = () => document.querySelector(".stage")?.textContent;
const video = () => screen.getByLabelText<HTMLVideoElement>(/^Live picture/);
async function picture() {
  video().dispatchEvent(new Event("loadeddata"));
  await settle();
}

it("plays a live channel, muted, and gives sound on a tap", async () => {
  const { kind } = await watch();
  expect(kind.last.url).toBe("/hls/ann/index.m3u8");
  await picture();
  expect([video().paused, video().muted]).toEqual([false, true]);
  await userEvent.click(screen.getByRole("button", { name: "Tap for sound" }));
  expect(video().muted).toBe(false);
  expect(screen.queryByRole("button", { name: "Tap for sound" })).toBeNull();
});

it("says who, what, since when and with how many", async () => {
  await watch();
  expect(screen.getByRole("heading", { level: 1, name: "Falling" })).toBeTruthy();
  for (const words of ["Maths", "9 watching", "on air 1:05"]) expect(screen.getByText(words)).toBeTruthy();
});

it("obeys its keys", async () => {
  await watch();
  await picture();
  const user = userEvent.setup();
  await user.keyboard("k");
  expect(video().paused).toBe(true);
  expect(screen.getByRole("button", { name: "Play" })).toBeTruthy();
  await user.keyboard("m");
  expect(video().muted).toBe(false);
  video().dispatchEvent(new Event("volumechange")); // happy-dom keeps it to itself
  screen.getByRole("button", { name: "Full screen" }).focus(); // elsewhere it moves the page
  await user.keyboard("{ArrowDown}");
  expect(video().volume).toBeCloseTo(0.55);
});

it("neither claims nor denies to be live before it knows, and tells no delay of a signal that is lost", async () => {
  const { app, kind } = await watch([entry("ann", { since: "2026-01-01T00:00:00Z" })]);
  await picture();
  const bar = screen.getByRole("group", { name: "Player controls" });
  expect(within(bar).queryByRole("button", { name: /Go live/ })).toBeNull();
  kind.last.reading = { behind: 0, edge: 60, delay: 6.8 };
  video().dispatchEvent(new Event("timeupdate"));
  app.guide.set([entry("ann", { since: "2026-01-01T00:00:00Z", state: "lost" })]);
  await settle();
  expect(document.body.textContent).not.toContain("6.8 s");
});

it("shows how far behind it is, and goes live", async () => {
  const { kind } = await watch();
  await picture();
  kind.last.reading = { behind: 0.2, edge: 60, delay: 1.4 };
  video().dispatchEvent(new Event("timeupdate"));
  await tick();
  expect(screen.getByRole("group", { name: "Player controls" }).textContent).toMatch(/delay\s+1\.4 s/);
  await userEvent.click(screen.getByRole("button", { name: "Pause" }));
  kind.last.reading = { behind: 12.4, edge: 72, delay: 13.6 };
  video().dispatchEvent(new Event("timeupdate"));
  await tick();
  await userEvent.click(screen.getByRole("button", { name: "−0:12 Go live" }));
  expect([video().currentTime, video().paused]).toEqual([72, false]);
});

it("says when the streamer leaves, and returns by itself", async () => {
  const { app, kind } = await watch();
  await picture();
  app.guide.set([entry("ann", { state: "offline" })]);
  await settle();
  expect(kind.last.destroyed).toBe(true);
  expect(words()).toContain("ann went offline just now");
  app.guide.set([entry("ann", { since: "2026-01-01T00:00:00Z" })]);
  await settle();
  expect(kind.made).toHaveLength(2);
  expect(kind.last.destroyed).toBe(false);
});

it("tunes in afresh when another broadcast took the place of this one", async () => {
  const { app, kind } = await watch();
  app.guide.set([entry("ann", { since: "2026-01-01T00:00:00Z" })]);
  await settle();
  expect(kind.made.map((e) => e.destroyed)).toEqual([true, false]);
});

it("keeps playing through changes that are none of its business", async () => {
  const { app, kind } = await watch([entry("ann", { since: "2026-01-01T00:00:00Z" })]);
  app.guide.set([entry("ann", { since: "2026-01-01T00:00:00Z", viewers: 30, picture: 7, title: "New title" })]);
  await picture();
  await userEvent.click(screen.getByRole("button", { name: "Tap for sound" }));
  await settle();
  expect(kind.made).toHaveLength(1);
});

it("holds the picture while the signal is lost", async () => {
  const { app, kind } = await watch([entry("ann", { since: "2026-01-01T00:00:00Z" })]);
  await picture();
  app.guide.set([entry("ann", { since: "2026-01-01T00:00:00Z", state: "lost" })]);
  await settle();
  expect(kind.last.destroyed).toBe(false);
  expect(words()).toMatch(/ann's computer stopped sending just now\. Back as soon/);
  expect(screen.getByText("just now").getAttribute("aria-hidden")).toBe("true"); // it counts, and would be read out each time
});

it("does not wait for the guide, and goes on when that says what it plays already", async () => {
  const [app, kind] = [await parts(), new FakeKind()];
  app.guide = new Guide(); // that nobody has told anything yet
  open(Watch, app, { name: "ann", kinds: [kind] });
  await settle();
  expect(kind.last.url).toBe("/hls/ann/index.m3u8");
  app.guide.set([entry("ann", { since: "2026-01-01T00:00:00Z" })]);
  await settle();
  expect(kind.made.map((e) => e.destroyed)).toEqual([false]);
  app.guide.set([entry("ann", { state: "offline" })]);
  await settle();
  expect(kind.last.destroyed).toBe(true);
});

it("waits for a channel that is offline, and shows who else is live", async () => {
  await watch([entry("kim", { title: "Slow evening" }), entry("ann", { state: "offline" })]);
  expect(screen.getByText("ann is offline")).toBeTruthy();
  expect(screen.getByRole("link", { name: "Slow evening" }).getAttribute("href")).toBe("#/@kim");
});

it("says so when nobody has that name", async () => {
  await watch([], "nobody");
  expect(screen.getByRole("heading", { name: "Nobody here is called nobody" })).toBeTruthy();
});

const zoe = `zoe@${kimsId}`;
const gone = (seconds: number) => ({ presence: "gone" as const, goneSince: new Date(Date.now() - seconds * 1000).toISOString() });

it("plays another computer's channel through this host, and says where it is", async () => {
  const { kind } = await watch([away("zoe", { title: "Falling", since: "2026-01-01T00:00:00Z" })], zoe);
  expect(kind.last.url).toBe(`/hls/zoe@${kimsId}/index.m3u8`);
  expect(video().getAttribute("aria-label")).toBe("Live picture of zoe");
  const card = screen.getByRole("region", { name: "On another computer" });
  for (const words of ["Kim's laptop", "amber", "fox", "quiet", "lamp", "192.168.1.7:5175"]) expect(within(card).getByText(words)).toBeTruthy();
  expect(within(card).getByRole("link", { name: "Open on Kim's laptop" }).getAttribute("href")).toBe("http://192.168.1.7:5175/#/@zoe");
});

it("tells when another computer calls itself the same", async () => {
  await watch([away("zoe", { warning: "Calls itself Kim's laptop, but is another computer than last time." })], zoe);
  expect(screen.getByText(/another computer than last time/)).toBeTruthy();
});

it("holds the picture when the other computer dies, and goes on when it returns", async () => {
  const { app, kind } = await watch([away("zoe", { since: "2026-01-01T00:00:00Z" })], zoe);
  await picture();
  app.guide.set([away("zoe", { since: "2026-01-01T00:00:00Z", ...gone(75) })]);
  await settle();
  expect(words()).toContain("Kim's laptop left 1 min ago.");
  expect(screen.queryByRole("link", { name: /Open on/ })).toBeNull();
  expect(kind.last.destroyed).toBe(false);
  app.guide.set([away("zoe", { since: "2026-01-01T00:00:00Z" })]);
  await settle();
  expect(screen.queryByText(/left/)).toBeNull();
  expect(kind.made).toHaveLength(1);
});

it("keeps its words when the guide has forgotten the computer, shows who else is live, and goes on when it returns", async () => {
  const { app, api, kind } = await watch([away("zoe", { since: "2026-01-01T00:00:00Z" })], zoe);
  await picture();
  app.guide.set([away("zoe", { since: "2026-01-01T00:00:00Z", ...gone(75) })]);
  await settle();
  api.entries = [entry("ann", { title: "Still here" })];
  app.guide.set(api.entries);
  await settle();
  expect(words()).toContain("Kim's laptop left 1 min ago");
  expect(screen.getByRole("link", { name: "Still here" })).toBeTruthy();
  expect(kind.last.destroyed).toBe(true);
  await userEvent.click(screen.getByRole("button", { name: "See who is live" }));
  expect(app.router.path).toBe("/");
  app.guide.set([away("zoe", { since: "2026-01-02T00:00:00Z" })]);
  await settle();
  expect(kind.made).toHaveLength(2);
  expect(kind.last.destroyed).toBe(false);
});

it("offers the way back to the host that led here, if it is known here", async () => {
  const api = new FakeApi();
  api.entries = [entry("ann")];
  api.hostList = [host({ id: kimsId })];
  const app = await parts(api);
  const page = open(Watch, app, { name: "ann", from: kimsId, kinds: [new FakeKind()] });
  await settle();
  expect(screen.getByRole("link", { name: "Watch on Kim's laptop instead" }).getAttribute("href")).toBe(`http://192.168.1.7:5175/#/@ann@${"s".repeat(16)}`);
  page.unmount();
  open(Watch, app, { name: "ann", from: "b".repeat(16), kinds: [new FakeKind()] });
  await settle();
  expect(screen.queryByRole("link", { name: /instead/ })).toBeNull();
});

it("says so when the computer of a link is not there", async () => {
  const { app, kind } = await watch([], zoe);
  expect(screen.getByRole("heading", { name: "That computer is not on the network" })).toBeTruthy();
  app.guide.set([away("zoe")]);
  await settle();
  expect(kind.made).toHaveLength(1);
});

it("tries again by itself when what it could not decode has become something else", async () => {
  const { app, kind } = await watch([entry("ann", { since: "2026-01-01T00:00:00Z", videoCodec: "HEVC" })]);
  kind.last.report({ kind: "codec", final: true });
  await settle();
  expect(words()).toContain("cannot play HEVC");
  app.guide.set([entry("ann", { since: "2026-01-01T00:00:00Z", videoCodec: "H.264" })]);
  await settle();
  expect(kind.made).toHaveLength(2);
});

it("tries again after a fault when asked to", async () => {
  const { kind } = await watch();
  kind.last.report({ kind: "decode", final: true });
  await tick();
  await userEvent.click(screen.getByRole("button", { name: "Try again" }));
  await settle();
  expect(kind.made).toHaveLength(2);
});

it("shares a link that works on other machines, as a code and as words", async () => {
  let copied = "";
  document.execCommand = vi.fn(() => ((copied = document.querySelector("textarea")!.value), true));
  await watch();
  await userEvent.click(screen.getByRole("button", { name: "Share" }));
  expect(screen.getByRole("img", { name: "QR code for http://192.168.1.20:5175/@ann" })).toBeTruthy();
  expect(document.body.textContent).toContain("http://192.168.1.20:5175/@ann");
  await userEvent.click(screen.getByRole("button", { name: "Copy link" }));
  expect(copied).toBe("http://192.168.1.20:5175/@ann");
  expect(screen.getByRole("button", { name: "Copied" })).toBeTruthy();
});

it("tells nerds how it plays, on their key and by its button", async () => {
  const { kind } = await watch();
  await picture();
  kind.last.reading = { path: "LL-HLS", instead: "network", delay: 0.41, reconnects: 2 };
  await userEvent.keyboard("n");
  const stats = screen.getByRole("region", { name: "Stats for nerds" });
  expect(stats.textContent).toContain("LL-HLS (push did not get through)");
  expect(stats.textContent).toContain("0.41 s");
  await userEvent.keyboard("n");
  expect(screen.queryByRole("region", { name: "Stats for nerds" })).toBeNull();
  await userEvent.click(screen.getByRole("button", { name: "Stats for nerds" }));
  await userEvent.click(screen.getByRole("button", { name: "Close the stats" }));
  expect(screen.queryByRole("region", { name: "Stats for nerds" })).toBeNull();
});
