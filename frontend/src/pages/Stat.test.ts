import { screen, within } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { FakeApi, flow, stream } from "../lib/test/fake-api";
import { open, parts } from "../lib/test/open";
import Stat from "./Stat.svelte";

let api: FakeApi;
beforeEach(() => void (api = new FakeApi()));
afterEach(() => void vi.useRealTimers());
const row = async (name: string) => (await screen.findByRole("rowheader", { name: new RegExp(name) })).closest("tr")!;

it("shows the host's sums and a row for each stream, in words and not by colour alone", async () => {
  api.flow = flow(stream("ann"), stream("bob", { state: "lost", publishing: false, viewers: 1, viewersBy: { push: 0, hls: 1, ts: 0, rtsp: 0, rtmp: 0, peer: 0 } }));
  open(Stat, await parts(api));
  expect(await screen.findByText("4 Frame push, 1 LL-HLS, 1 MPEG-TS")).toBeTruthy();
  const ann = await row("ann");
  expect(within(ann).getByText("Live")).toBeTruthy();
  expect(within(ann).getByText("6.2 Mb/s")).toBeTruthy();
  expect(within(ann).getByText("1080p60 H.264")).toBeTruthy();
  expect(within(await row("bob")).getByText("Signal lost")).toBeTruthy();
});

it("keeps details behind a button, with each way to watch as a table", async () => {
  api.flow = flow(stream("ann", { dropped: 1 }));
  open(Stat, await parts(api));
  const button = await screen.findByRole("button", { name: "Details of ann" });
  expect(button.getAttribute("aria-expanded")).toBe("false");
  await userEvent.click(button);
  expect(button.getAttribute("aria-expanded")).toBe("true");
  expect(await screen.findByText("H.264 High 4.2")).toBeTruthy();
  expect(screen.getByText("1 frame")).toBeTruthy();
  expect(screen.getByRole("row", { name: "MPEG-TS 1 1.0 GB" })).toBeTruthy();
  expect(screen.getByRole("row", { name: "Together 5 9.0 GB" })).toBeTruthy();
  expect(screen.queryByText("Address")).toBeNull();
  expect(screen.queryByText("Stream key")).toBeNull();
  await userEvent.click(button);
  expect(screen.queryByText("H.264 High 4.2")).toBeNull();
});

it("shows where a stream comes from to those who are told", async () => {
  api.flow = { ...flow(stream("ann", { address: "192.168.1.30:50000", encoder: "OBS 32", key: "Gaming PC" })), details: true };
  open(Stat, await parts(api));
  await userEvent.click(await screen.findByRole("button", { name: "Details of ann" }));
  for (const text of ["192.168.1.30:50000", "OBS 32", "“Gaming PC”"]) expect(await screen.findByText(text)).toBeTruthy();
  expect(screen.queryByText(/shown to those who run/)).toBeNull();
});

it("says what to expect when nothing is on air, and follows by itself", async () => {
  vi.useFakeTimers({ shouldAdvanceTime: true });
  open(Stat, await parts(api));
  expect(await screen.findByText("Nothing is on air")).toBeTruthy();
  api.flow = flow(stream("ann"));
  await vi.advanceTimersByTimeAsync(1100);
  expect(await row("ann")).toBeTruthy();
});

it("keeps the last figures, and says so, while the host does not answer", async () => {
  vi.useFakeTimers({ shouldAdvanceTime: true });
  api.flow = flow(stream("ann"));
  open(Stat, await parts(api));
  await row("ann");
  api.refuse("unreachable", "The host does not answer", "Is it on?");
  await vi.advanceTimersByTimeAsync(1100);
  expect(screen.getByText(/these are the last figures/)).toBeTruthy();
  expect(await row("ann")).toBeTruthy();
});
