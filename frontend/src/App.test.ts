import { render, screen, within } from "@testing-library/svelte";
import { tick } from "svelte";
import { expect, it, vi } from "vitest";
import App from "./App.svelte";
import { entry, FakeApi } from "./lib/test/fake-api";
import { parts } from "./lib/test/open";
import * as routes from "./routes";

const settle = async () => {
  await vi.dynamicImportSettled();
  for (let i = 0; i < 3; i++) await new Promise((done) => setTimeout(done));
  await tick();
};
async function app(change: (api: FakeApi) => void = () => {}) {
  const api = new FakeApi();
  change(api);
  const made = await parts(api);
  render(App, { props: { parts: made } });
  await settle();
  return made;
}

it("sends strangers from the studio to the sign-in form, and back in afterwards", async () => {
  const made = await app();
  made.router.go("/studio");
  await settle();
  expect(made.router.path).toBe("/signin?next=%2Fstudio");
  expect(screen.getByRole("heading", { name: "Sign in" })).toBeTruthy();
});

it("shows nothing but the set-up page while nobody owns the host", async () => {
  const made = await app((api) => (api.house_ = { ...api.house_, setUp: false }));
  expect(screen.getByRole("heading", { name: "kims-pc is not set up yet" })).toBeTruthy();
  expect(screen.queryByRole("navigation")).toBeNull();
  made.router.go("/setup");
  await settle();
  expect(screen.getByRole("heading", { name: "Make this host yours" })).toBeTruthy();
});

it("lists live channels in the rail on every page", async () => {
  const made = await app((api) => (api.entries = [entry("ann", { viewers: 3 }), entry("sam", { state: "offline" })]));
  made.router.go("/settings");
  await settle();
  const rail = screen.getByRole("navigation", { name: "Channels" });
  expect(rail.textContent).toContain("ann, live, 3 watching");
  expect(rail.textContent).toContain("sam, offline");
});

it("puts the focus on the head of a new page", async () => {
  const made = await app();
  made.router.go("/settings");
  await settle();
  expect(document.activeElement?.textContent).toBe("Settings");
  expect(document.title).toBe("Settings · kims-pc");
});

it("says so when a page's code does not come", async () => {
  const made = await app();
  vi.spyOn(routes, "place").mockReturnValue({ ...routes.place("/stat"), page: () => Promise.reject(new TypeError("import failed")) });
  made.router.go("/stat");
  await settle();
  expect(screen.getByRole("heading", { level: 1, name: "The page did not load" })).toBe(document.activeElement);
  expect(screen.getByRole("button", { name: "Load it again" })).toBeTruthy();
});

it("has the account at hand, and signs out", async () => {
  const made = await app((api) => (api.user = { name: "ann", role: "streamer", created: "" }));
  expect(within(screen.getByRole("banner")).getByRole("link", { name: "Go live" }).getAttribute("href")).toBe("#/studio");
  screen.getByRole("button", { name: "Account: ann" }).click();
  await tick();
  screen.getByRole("button", { name: "Sign out" }).click();
  await settle();
  expect(made.session.user).toBeNull();
  expect(within(screen.getByRole("banner")).getByRole("link", { name: "Sign in" })).toBeTruthy();
});

it("asks the host once for what it knows already", async () => {
  const api = new FakeApi();
  const made = await parts(api);
  const [house, session] = [vi.spyOn(api, "house"), vi.spyOn(api, "session")];
  render(App, { props: { parts: made } });
  await settle();
  expect([house.mock.calls.length, session.mock.calls.length]).toEqual([1, 0]);
});
