import { screen, within } from "@testing-library/svelte";
import { tick } from "svelte";
import { expect, it } from "vitest";
import { StepError } from "../lib/doctor/line";
import type { Walk } from "../lib/doctor/steps.svelte";
import { entry, FakeApi, visit } from "../lib/test/fake-api";
import { open, parts } from "../lib/test/open";
import Check from "./Check.svelte";

const settle = async () => {
  for (let i = 0; i < 3; i++) await new Promise((done) => setTimeout(done));
  await tick();
};
const works: Walk = { socket: async () => 7, plays: async () => 400 };

async function check(walk: Walk, code = "ABCDEFGH", change: (api: FakeApi) => void = () => {}) {
  const api = new FakeApi();
  change(api);
  open(Check, await parts(api), { code, walk });
  await settle();
  return api;
}
const state = (title: string) => within(screen.getByText(title).closest("li")!);

it("goes through its steps by itself, without an account, and tells each", async () => {
  const api = await check(works);
  expect(api.told).toEqual([{ step: "page", ok: true }, { step: "socket", ok: true, ms: 7 }, { step: "plays", ok: true, ms: 400 }]);
  expect(screen.getByText("This device reaches kims-pc.")).toBeTruthy();
  for (const title of ["This page", "WebSocket", "Test stream"]) expect(state(title).getByText("Fine:")).toBeTruthy();
});

it("leads on to whoever is live", async () => {
  await check(works, "ABCDEFGH", (api) => (api.entries = [entry("ann")]));
  expect(screen.getByRole("link", { name: "Watch ann live" }).getAttribute("href")).toBe("#/@ann");
});

it("tells what failed, shows the cause and goes no further", async () => {
  const fails: Walk = { ...works, socket: () => Promise.reject(new StepError("closed")) };
  const api = await check(fails, "ABCDEFGH", (a) => (a.visit = visit({ state: "fail", says: "Its WebSocket is closed on the way.", do: "Switch off the VPN on the phone." })));
  expect(api.told.at(-1)).toEqual({ step: "socket", ok: false, why: "closed" });
  expect(state("WebSocket").getByText("In the way:")).toBeTruthy();
  expect(state("Test stream").getByText("Not yet:")).toBeTruthy();
  expect(screen.getByRole("alert").textContent).toContain("Its WebSocket is closed on the way.");
  expect(screen.getByRole("alert").textContent).toContain("Switch off the VPN");
});

it("says what to do when the code is over", async () => {
  const api = await check(works, "ZZZZZZZZ");
  expect(api.told).toEqual([]);
  expect(screen.getByRole("alert").textContent).toContain("scan again");
});

it("explains itself to whoever comes without a code", async () => {
  await check(works, "");
  expect(screen.getByText("Scan the code on the host's screen")).toBeTruthy();
});
