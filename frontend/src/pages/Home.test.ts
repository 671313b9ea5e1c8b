import { screen, within } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { tick } from "svelte";
import { expect, it } from "vitest";
import { away, entry, FakeApi, kimsId } from "../lib/test/fake-api";
import { open, parts } from "../lib/test/open";
import Home from "./Home.svelte";

async function home(change: (api: FakeApi) => void = () => {}) {
  const api = new FakeApi();
  change(api);
  const app = await parts(api);
  open(Home, app);
  return app;
}

it("shows who is live by itself, the most watched as the hero", async () => {
  const app = await home();
  expect(screen.getByRole("heading", { name: "Nobody is live" })).toBeTruthy();
  app.guide.set([entry("kim", { viewers: 2, title: "Slow evening" }), entry("ann", { viewers: 9, title: "Falling" })]);
  await tick();
  expect(screen.queryByText("Nobody is live")).toBeNull();
  const hero = screen.getByRole("article", { name: "Most watched: ann" });
  expect(within(hero).getByRole("link", { name: "Watch ann" }).getAttribute("href")).toBe("#/@ann");
  expect(screen.getByRole("link", { name: "Slow evening" }).getAttribute("href")).toBe("#/@kim");
});

it("tells LIVE, viewers, uptime and picture of a card in words", async () => {
  await home((api) => (api.entries = [entry("ann", { viewers: 9 }), entry("kim", { viewers: 2, title: "Slow evening", category: "Music" })]));
  const card = screen.getByRole("link", { name: "Slow evening" }).closest("article")!;
  expect(within(card).getByText("Live")).toBeTruthy();
  expect(within(card).getByText("2 watching")).toBeTruthy();
  expect(within(card).getByText("1:05")).toBeTruthy();
  expect(within(card).getByText("1080p60")).toBeTruthy();
  expect(within(card).getByText("kim · Music")).toBeTruthy();
});

it("shows other computers' channels in the same grid, each with its computer", async () => {
  await home((api) => (api.entries = [entry("ann", { viewers: 9 }), away("zoe", { viewers: 2, title: "Falling", category: "Maths" })]));
  const card = screen.getByRole("link", { name: "Falling" }).closest("article")!;
  expect(screen.getByRole("link", { name: "Falling" }).getAttribute("href")).toBe(`#/@zoe@${kimsId}`);
  expect(within(card).getByText("zoe · Maths")).toBeTruthy();
  expect(within(card).getByText("Kim's laptop")).toBeTruthy();
  expect(within(card).queryByText(/left/)).toBeNull();
});

it("dims a computer's channels as soon as it left, and says since when", async () => {
  const app = await home((api) => (api.entries = [entry("ann", { viewers: 1 }), away("zoe", { viewers: 9, title: "Falling" })]));
  expect(screen.getByRole("article", { name: "Most watched: zoe" })).toBeTruthy();
  app.guide.set([entry("ann", { viewers: 1 }), away("zoe", { viewers: 9, title: "Falling", presence: "gone", goneSince: new Date(Date.now() - 4200).toISOString() })]);
  await tick();
  expect(screen.getByRole("article", { name: "Most watched: ann" })).toBeTruthy();
  const card = screen.getByRole("link", { name: "Falling" }).closest("article")!;
  expect(within(card).getByText("left 4 s ago")).toBeTruthy();
  expect(within(card).getByText("Not reachable")).toBeTruthy();
  expect(within(card).queryByText("Live")).toBeNull();
  app.guide.set([entry("ann", { viewers: 1 })]);
  await tick();
  expect(screen.queryByText("Falling")).toBeNull();
});

it("has no hero when all that is on is out of reach", async () => {
  await home((api) => (api.entries = [away("zoe", { presence: "gone", goneSince: new Date().toISOString() })]));
  expect(screen.queryByRole("article", { name: /Most watched/ })).toBeNull();
  expect(screen.getByRole("heading", { name: "On air" })).toBeTruthy();
});

it("keeps offline channels below, and does not call them live", async () => {
  await home((api) => (api.entries = [entry("sam", { state: "offline", title: "Back on Friday" })]));
  expect(screen.getByRole("heading", { name: "Offline" })).toBeTruthy();
  expect(screen.getByRole("link", { name: /sam/ }).getAttribute("href")).toBe("#/@sam");
  expect(screen.queryByText("Live")).toBeNull();
});

it("calls a channel without a title by its name", async () => {
  await home((api) => (api.entries = [entry("ann", { viewers: 9 }), entry("kim")]));
  expect(screen.getByRole("link", { name: "kim is live" })).toBeTruthy();
});

it.each([
  ["a streamer", (api: FakeApi) => (api.user = { name: "ann", role: "streamer", created: "" }), "Go live", "#/studio"],
  ["a stranger", () => {}, "Sign up", "#/signup"],
  ["a stranger where nobody may sign up", (api: FakeApi) => (api.house_.signUp = "closed"), "Sign in", "#/signin"],
])("offers %s the one thing that fits when nobody is live", async (_, change, name, href) => {
  await home(change);
  expect(screen.getByRole("link", { name }).getAttribute("href")).toBe(href);
});

it("claims nothing before the host has said anything", async () => {
  const app = await parts();
  Object.assign(app, { guide: new (app.guide.constructor as new () => typeof app.guide)() });
  open(Home, app);
  expect(screen.queryByText("Nobody is live")).toBeNull();
});

it("puts a newcomer live without OBS, and says why when it cannot", async () => {
  let api!: FakeApi;
  await home((a) => ((api = a).user = { name: "ann", role: "streamer", created: "" }));
  const press = () => userEvent.click(screen.getByRole("button", { name: "Send a test picture" }));
  api.refuse("too_many", "16 channels show the test picture already", "try again in some minutes");
  await press();
  expect([api.testing, (await screen.findByRole("alert")).textContent]).toEqual([false, expect.stringContaining("Try again in some minutes")]);
  await press();
  expect(api.testing).toBe(true);
});

it("offers the test picture to those only who may stream", async () => {
  await home((api) => (api.user = { name: "bob", role: "viewer", created: "" }));
  expect(screen.queryByRole("button", { name: "Send a test picture" })).toBeNull();
});
