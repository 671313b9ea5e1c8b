import { screen, within } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { tick } from "svelte";
import { expect, it, vi } from "vitest";
import type { Verdict } from "../lib/api/types";
import { FakeApi, report, visit } from "../lib/test/fake-api";
import { open, parts } from "../lib/test/open";
import Doctor from "./Doctor.svelte";

const fine: Verdict = { id: "http", title: "Way in for browsers", state: "ok", says: "Open at 192.168.1.20:5175." };
const shut: Verdict = { id: "firewall", title: "Firewall", state: "fail", says: "ufw keeps others out of 5175/tcp.", do: "Open it:", line: "sudo ufw allow 5175/tcp" };

const settle = async () => {
  for (let i = 0; i < 5; i++) await Promise.resolve();
  await tick();
};
async function doctor(change: (api: FakeApi) => void = () => {}) {
  const api = new FakeApi();
  api.user = { name: "kim", role: "owner", created: "" };
  change(api);
  open(Doctor, await parts(api));
  await settle();
  return api;
}

it("says in one line what is in the way, puts it first, and gives the line to type", async () => {
  await doctor((api) => (api.report = report(fine, shut)));
  expect(screen.getByText("Others cannot reach you yet. ufw keeps others out of 5175/tcp.")).toBeTruthy();
  const rows = screen.getAllByRole("heading", { level: 3 }).map((h) => h.textContent);
  expect(rows).toEqual(["Firewall", "Way in for browsers"]);
  expect(screen.getByText("sudo ufw allow 5175/tcp")).toBeTruthy();
  expect(screen.getByRole("button", { name: "Copy the line to type" })).toBeTruthy();
});

it("tells the states apart without colours", async () => {
  await doctor((api) => (api.report = report(fine, shut)));
  const row = (title: string) => screen.getByText(title).closest("li")!;
  expect(within(row("Firewall")).getByText("In the way:")).toBeTruthy();
  expect(within(row("Way in for browsers")).getByText("Fine:")).toBeTruthy();
});

it("looks again when asked", async () => {
  const api = await doctor((a) => (a.report = report(fine, shut)));
  api.report = report(fine);
  await userEvent.click(screen.getByRole("button", { name: "Look again" }));
  await settle();
  expect(screen.getByText("Others can reach you.")).toBeTruthy();
  expect(screen.queryByText("Firewall")).toBeNull();
});

it("is for those who run the host", async () => {
  await doctor((api) => (api.user = { name: "ann", role: "streamer", created: "" }));
  expect(screen.getByText("This is for whoever runs the host")).toBeTruthy();
  expect(screen.queryByRole("button", { name: "Look again" })).toBeNull();
});

it("says why when the host does not answer", async () => {
  await doctor((api) => {
    const examine = api.examine;
    api.examine = () => (api.refuse("unreachable", "The host does not answer"), examine());
  });
  expect(screen.getByRole("alert").textContent).toContain("The host does not answer");
});

it("follows the phone live, step by step, to the proof or the cause", async () => {
  vi.useFakeTimers();
  const api = await doctor((a) => (a.report = report(fine)));
  screen.getByRole("button", { name: "Show the code" }).click();
  await vi.advanceTimersByTimeAsync(10);
  expect(screen.getByRole("img", { name: /QR code/ })).toBeTruthy();
  expect(screen.getByText("http://192.168.1.20:5175/#/check?code=ABCDEFGH")).toBeTruthy();

  const steps = visit().steps;
  api.visit = visit({ device: "192.168.1.33", steps: [{ ...steps[0]!, state: "ok" }, steps[1]!, steps[2]!], says: "The phone is here and goes through the steps." });
  await vi.advanceTimersByTimeAsync(800);
  expect(screen.queryByRole("img", { name: /QR code/ })).toBeNull();
  expect(within(screen.getByText("Page reached").closest("li")!).getByText("Fine:")).toBeTruthy();
  expect(within(screen.getByText("WebSocket").closest("li")!).getByText("Looking:")).toBeTruthy();

  api.visit = visit({ device: "192.168.1.33", state: "fail", says: "The phone's browser cannot play H.264.", do: "Try another browser on the phone." });
  await vi.advanceTimersByTimeAsync(800);
  expect(screen.getByRole("alert").textContent).toContain("cannot play H.264");
  expect(screen.getByRole("button", { name: "New code" })).toBeTruthy();

  api.report = { ...report(fine), says: "Others can reach you: a phone just did." };
  api.visit = visit({ device: "192.168.1.33", state: "ok", steps: steps.map((s) => ({ ...s, state: "ok" as const })), says: "Others can reach you." });
  await vi.advanceTimersByTimeAsync(800);
  expect(screen.getByText("Others can reach you: a phone just did.")).toBeTruthy();
  const examine = vi.spyOn(api, "examine");
  await vi.advanceTimersByTimeAsync(5000);
  expect(examine).not.toHaveBeenCalled(); // the proof asks for one look, not for one after the other
});

it("offers a new code when the old one is over", async () => {
  vi.useFakeTimers();
  const api = await doctor();
  screen.getByRole("button", { name: "Show the code" }).click();
  await vi.advanceTimersByTimeAsync(10);
  const check = api.check;
  api.check = () => (api.refuse("not_found", "this check is over", "start a new one"), check());
  await vi.advanceTimersByTimeAsync(800);
  expect(screen.getByRole("alert").textContent).toContain("his check is over");
  expect(screen.getByRole("button", { name: "Show the code" })).toBeTruthy();
});
