import { screen, within } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { tick } from "svelte";
import { expect, it, vi } from "vitest";
import { FakeApi, host } from "../lib/test/fake-api";
import { open, parts } from "../lib/test/open";
import Hosts from "./Hosts.svelte";

const settle = async () => {
  for (let i = 0; i < 3; i++) await Promise.resolve();
  await tick();
};
async function hosts(change: (api: FakeApi) => void = () => {}) {
  const api = new FakeApi();
  change(api);
  const app = await parts(api);
  open(Hosts, app);
  await settle();
  return api;
}
const owner = (api: FakeApi) => (api.user = { name: "kim", role: "owner", created: "" });
const press = (name: string | RegExp) => userEvent.click(screen.getByRole("button", { name }));

it("shows this computer with its addresses and its four words", async () => {
  await hosts();
  const self = screen.getByRole("region", { name: "kims-pc" });
  for (const words of ["http://192.168.1.20:5175", "stone", "river", "late", "bell"]) expect(within(self).getByText(words)).toBeTruthy();
});

it("says what to do when no other computer is found", async () => {
  await hosts();
  expect(screen.getByText("No other echo.tv yet.")).toBeTruthy();
  expect(screen.getByRole("link", { name: "Check this network" }).getAttribute("href")).toBe("#/doctor");
});

it("shows who comes and who goes by itself", async () => {
  vi.useFakeTimers();
  const api = await hosts();
  api.hostList = [host()];
  await vi.advanceTimersByTimeAsync(2000);
  const kim = screen.getByRole("article", { name: "Kim's laptop" });
  expect(within(kim).getByText("1 live")).toBeTruthy();
  expect(within(kim).getByText("fox")).toBeTruthy();
  expect(within(kim).getByRole("link", { name: "Open the page of Kim's laptop" }).getAttribute("href")).toBe("http://192.168.1.7:5175/");
  api.hostList = [host({ presence: "gone", since: new Date(Date.now() - 75_000).toISOString() })];
  await vi.advanceTimersByTimeAsync(2000);
  expect(screen.getByText("left 1 min ago")).toBeTruthy();
  expect(screen.queryByRole("link", { name: /Open the page/ })).toBeNull();
});

it("lists those that answer before those that left", async () => {
  await hosts((api) => (api.hostList = [host({ id: "b".repeat(16), name: "Abe's PC", presence: "gone" }), host()]));
  expect(screen.getAllByRole("article").map((a) => a.getAttribute("aria-label"))).toEqual(["Kim's laptop", "Abe's PC"]);
});

it("lets an admin type an address, and forget it", async () => {
  const api = await hosts(owner);
  await press("Find it");
  expect(screen.getByRole("alert").textContent).toContain("Type the address");
  await userEvent.type(screen.getByLabelText("Address of the other computer"), "192.168.7.4");
  await press("Find it");
  expect(screen.getByText("Found Kim's laptop")).toBeTruthy();
  expect(api.hostList).toMatchObject([{ address: "192.168.7.4", typed: true }]);
  await press("Forget Kim's laptop");
  await press("Forget it");
  expect(api.hostList).toEqual([]);
  expect(screen.queryByRole("article")).toBeNull();
});

it("says why an address led nowhere", async () => {
  const api = await hosts(owner);
  api.refuse("unavailable", "nobody answers there", "is echo.tv running on it?");
  await userEvent.type(screen.getByLabelText("Address of the other computer"), "192.168.7.4");
  await press("Find it");
  expect(screen.getByText("Nobody answers there.")).toBeTruthy();
  expect(screen.getByText("Is echo.tv running on it?")).toBeTruthy();
});

it("warns of a copied name, and trusts the other only after the four words", async () => {
  const old = host({ id: "b".repeat(16), presence: "gone" });
  const api = await hosts((api) => {
    owner(api);
    api.hostList = [host({ warning: "It calls itself Kim's laptop, but is another computer.", instead: old.id }), old];
  });
  await press("They are: trust this one");
  const dialog = screen.getByRole("dialog", { name: "Trust this Kim's laptop?" });
  expect(within(dialog).getByText("amber")).toBeTruthy();
  await press("Trust it");
  expect(api.hostList.map((h) => h.id)).toEqual([host().id]);
});

it("leaves all of this to admins", async () => {
  await hosts((api) => {
    api.user = { name: "ann", role: "streamer", created: "" };
    api.hostList = [host({ typed: true, warning: "Odd.", instead: "b".repeat(16) })];
  });
  expect(screen.getByText("Odd.")).toBeTruthy();
  expect(screen.queryByLabelText("Address of the other computer")).toBeNull();
  for (const name of [/Forget/, /trust/]) expect(screen.queryByRole("button", { name })).toBeNull();
});
