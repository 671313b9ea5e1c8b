import { screen, within } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { tick } from "svelte";
import { expect, it, vi } from "vitest";
import { ApiError } from "../lib/api/error";
import { entry, FakeApi } from "../lib/test/fake-api";
import { FakeKind } from "../lib/test/fake-engine";
import { open, parts } from "../lib/test/open";
import Studio from "./Studio.svelte";

const settle = async () => {
  for (let i = 0; i < 3; i++) await new Promise((done) => setTimeout(done));
  await tick();
};
async function studio(change: (api: FakeApi) => void = (api) => api.giveKey("k1", "Gaming PC", "live_abcdef")) {
  const api = new FakeApi();
  api.user = { name: "ann", role: "streamer", created: "" };
  change(api);
  const app = await parts(api);
  const kind = new FakeKind();
  const page = open(Studio, app, { kinds: [kind] });
  await settle();
  return { api, app, kind, page };
}
const press = (name: string) => userEvent.click(screen.getByRole("button", { name }));
const obs = () => screen.getByRole("group", { name: "OBS settings, page Stream" });

it("shows OBS's dialog with the right fields", async () => {
  await studio();
  for (const words of ["Service", "Custom…", "Server", "rtmp://192.168.1.20:1935/live", "Stream Key"]) expect(within(obs()).getByText(words)).toBeTruthy();
});

it("keeps the key hidden until asked, and hides it again", async () => {
  const { page } = await studio();
  expect(page.container.textContent).not.toContain("live_abcdef");
  await press("Show stream key");
  await settle();
  expect(within(obs()).getByText("live_abcdef")).toBeTruthy();
  await press("Hide stream key");
  expect(page.container.textContent).not.toContain("live_abcdef");
});

it("copies the key without showing it", async () => {
  let copied = "";
  document.execCommand = vi.fn(() => ((copied = document.querySelector("textarea")!.value), true));
  const { page } = await studio();
  await press("Copy stream key");
  await settle();
  expect(copied).toBe("live_abcdef");
  expect(page.container.textContent).not.toContain("live_abcdef");
});

it("rotates a key only after asking, and says that OBS must be updated", async () => {
  const { api } = await studio();
  await press("Rotate key Gaming PC");
  expect(screen.getByText(/OBS must be updated/)).toBeTruthy();
  await press("Cancel");
  expect(api.secrets.k1).toBe("live_abcdef");
  await press("Rotate key Gaming PC");
  await press("Rotate the key");
  await settle();
  expect(api.secrets.k1).not.toBe("live_abcdef");
  expect(screen.getByText("Key “Gaming PC” is new: OBS must be updated")).toBeTruthy();
});

it("revokes a key only after asking", async () => {
  const { api } = await studio();
  await press("Revoke key Gaming PC");
  await press("Revoke the key");
  await settle();
  expect(api.keyList).toHaveLength(0);
  expect(screen.getByText("No keys yet.")).toBeTruthy();
});

it("makes a key with a name, and the first one in a single press", async () => {
  const { api } = await studio(() => {});
  await press("Make my key");
  await settle();
  await press("New key");
  await userEvent.type(screen.getByLabelText("Name of the key"), "Laptop");
  await press("Make the key");
  await settle();
  expect(api.keyList.map((k) => k.label)).toEqual(["OBS", "Laptop"]);
});

it("saves title and category", async () => {
  const { api } = await studio();
  const title = screen.getByLabelText("Title");
  await userEvent.clear(title);
  await userEvent.type(title, "New title");
  await press("Save");
  await settle();
  expect(api.profile.title).toBe("New title");
  expect(screen.getByText("Saved")).toBeTruthy();
});

it("shows what the host refuses, in its words", async () => {
  const { api } = await studio();
  api.refuse("storage", "the disk is full", "free some space");
  await press("Save");
  await settle();
  expect(screen.getByRole("alert").textContent).toContain("The disk is full.");
});

it("shows the preview in silence, with readings and advice", async () => {
  const { kind } = await studio((api) => {
    api.entries = [entry("ann", { viewers: 4 })];
    api.publisher = { encoder: "obs", keyLabel: "Gaming PC", address: "192.168.1.34", keyInterval: 8.33, dropped: 0 };
  });
  expect(kind.last.url).toBe("/hls/ann/index.m3u8");
  expect(screen.getByLabelText<HTMLVideoElement>("Live picture of ann").muted).toBe(true);
  expect(screen.queryByRole("button", { name: "Tap for sound" })).toBeNull();
  for (const words of ["6.0 Mb/s", "every 8.3 s", "from 192.168.1.34"]) expect(screen.getByText(words)).toBeTruthy();
});

it("says what to change and where, the worst first", async () => {
  await studio((api) => {
    api.entries = [entry("ann")];
    api.coached = {
      ...api.coached,
      health: "advice",
      advice: [
        { id: "key_interval", severity: "bad", text: "A key frame comes every 8.3 s; 1 s is wanted.", fix: "In OBS, Settings → Output → Streaming: Keyframe Interval 1 s." },
        { id: "b_frames", severity: "info", text: "B-frames hold each picture back by 67 ms; 0 is wanted.", fix: "In OBS, Settings → Output: Tune “zerolatency”." },
      ],
    };
  });
  expect(screen.getByRole("heading", { name: "2 things to change" })).toBeTruthy();
  const all = screen.getAllByRole("listitem").map((e) => e.textContent ?? "");
  const [bad, info] = [all.findIndex((s) => s.includes("8.3 s")), all.findIndex((s) => s.includes("67 ms"))];
  expect(bad).toBeGreaterThanOrEqual(0);
  expect(info).toBeGreaterThan(bad);
  expect(screen.getByText("Settings → Output → Streaming").tagName).toBe("B");
});

it("says healthy when there is nothing to say, and how many viewers the link carries", async () => {
  await studio((api) => {
    api.entries = [entry("ann")];
    api.coached = { health: "healthy", advice: [], budget: { basis: "link", kind: "wifi", mbit: 300, carries: 150e6, used: 130e6, viewers: 25, near: true } };
  });
  expect(screen.getByRole("heading", { name: "Healthy" })).toBeTruthy();
  expect(screen.getByText(/300 Mb\/s Wi-Fi carries about 25 viewers at this bit rate/)).toBeTruthy();
  expect(screen.getByText(/more viewers will make everybody's picture stall/)).toBeTruthy();
});

const before = (seconds: number) => new Date(Date.now() - seconds * 1000).toISOString();
const evening = { title: "Chess", open: false, cutOff: false, peak: 14, average: 8.4, received: 3e9, sent: 26e9, interruptions: 0 };

it("sums up a broadcast that has just ended, and lists it", async () => {
  await studio((api) => (api.past = [{ ...evening, start: before(72 * 60 + 30), end: before(30) }, { ...evening, title: "", peak: 1, start: before(90_000), end: before(86_400), cutOff: true }]));
  expect(screen.getByText("Broadcast ended: 1 h 12 min, peak 14 viewers, 0 interruptions")).toBeTruthy();
  expect(screen.getByText("2 broadcasts, 2 h 12 min on air, at most 14 viewers, 52 GB sent.")).toBeTruthy();
  expect(screen.getByText(/cut off when this host stopped/)).toBeTruthy();
});

it("does not sum up what ended yesterday", async () => {
  await studio((api) => (api.past = [{ ...evening, start: before(90_000), end: before(86_400) }]));
  expect(screen.queryByText(/Broadcast ended/)).toBeNull();
  expect(screen.getByText("Chess")).toBeTruthy();
});

it("waits for OBS in words", async () => {
  await studio();
  expect(screen.getByText(/Press Start Streaming in OBS/)).toBeTruthy();
});

it("sends somebody whose session ended to sign in", async () => {
  const { app } = await studio((api) => (api.ownChannel = () => Promise.reject(new ApiError("unauthenticated", "nobody is signed in"))));
  expect(app.session.user).toBeNull(); // App.svelte does the rest, see App.test.ts
});

it("tells a viewer's account that it cannot stream", async () => {
  await studio((api) => (api.user = { name: "vic", role: "viewer", created: "" }));
  expect(screen.getByRole("heading", { name: "This account can watch, not stream" })).toBeTruthy();
});

it("sends a test picture and takes it back", async () => {
  const { api, app } = await studio();
  app.guide.set([entry("ann", { state: "offline" })]);
  await press("Send a test picture");
  expect(api.testing).toBe(true);
  app.guide.set([entry("ann")]);
  await settle();
  expect(screen.getByText("This is the test picture.")).toBeTruthy();
  await press("Stop the test picture");
  expect(api.testing).toBe(false);
});

it("offers no test picture over a stream of OBS", async () => {
  const { app } = await studio();
  app.guide.set([entry("ann")]);
  await settle();
  expect(screen.queryByRole("button", { name: "Send a test picture" })).toBeNull();
});
