import { screen } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { tick } from "svelte";
import { expect, it, vi } from "vitest";
import type { LogRecord } from "../lib/api/types";
import { Journal, line } from "../lib/settings/journal.svelte";
import { FakeApi } from "../lib/test/fake-api";
import { open, parts } from "../lib/test/open";
import Logs from "./Logs.svelte";

const record = (seq: number, change: Partial<LogRecord> = {}): LogRecord => ({ seq, at: "2026-05-01T12:00:00Z", level: "info", part: "live", message: `message ${seq}`, attrs: [], ...change });
const settle = async () => {
  await new Promise((done) => setTimeout(done));
  await tick();
};
async function page(role: "owner" | "streamer", records: LogRecord[]) {
  const api = new FakeApi();
  [api.user, api.records] = [{ name: "ann", role, created: "" }, records];
  open(Logs, await parts(api));
  await settle();
  return api;
}

it("shows what was noted, by level, part and words", async () => {
  await page("owner", [record(1), record(2, { level: "debug" }), record(3, { level: "error", part: "rtmp", message: "cut", attrs: [{ key: "remote", value: "10.0.0.7" }] })]);
  expect([screen.queryByText("message 1"), screen.queryByText("message 2")].map(Boolean)).toEqual([true, false]);
  await userEvent.click(screen.getByRole("radio", { name: "Everything" }));
  expect(screen.getByText("message 2")).toBeTruthy();
  await userEvent.type(screen.getByLabelText("With the words"), "CUT 10.0");
  expect([screen.queryByText("message 1"), screen.queryByText("cut")].map(Boolean)).toEqual([false, true]);
  await userEvent.selectOptions(screen.getByLabelText("Part"), "live");
  expect(screen.getByText(/Nothing like that/)).toBeTruthy();
});

it("shows a hostile record as text", async () => {
  await page("owner", [record(1, { message: "<img src=x onerror=alert(1)>", attrs: [{ key: "<b>", value: "</p><script>" }] })]);
  expect(document.querySelector(".list img, .list script, .list b")).toBeNull();
  expect(screen.getByText(/<img src=x/)).toBeTruthy();
});

it("is for those who run the host", async () => {
  const api = await page("streamer", [record(1)]);
  expect(screen.getByRole("heading", { name: "The log is for those who run this host" })).toBeTruthy();
  expect(vi.spyOn(api, "logs")).not.toHaveBeenCalled();
});

it("follows: asks for what is new only, and keeps a thousand", async () => {
  const api = new FakeApi();
  const asked = vi.spyOn(api, "logs");
  const j = new Journal(api);
  api.records = Array.from({ length: 1000 }, (_, i) => record(i + 1));
  await j.load();
  api.records = [...api.records, record(1001)];
  await j.load();
  await j.load();
  expect(asked.mock.calls.map((c) => c[0])).toEqual([0, 1000, 1001]);
  expect([j.shown.length, j.shown[0]?.seq, j.shown.at(-1)?.seq]).toEqual([1000, 2, 1001]);
  api.refuse("unreachable", "gone");
  await j.load();
  expect([j.error?.code, j.shown.length]).toEqual(["unreachable", 1000]);
});

it("copies lines that nobody can forge", () => {
  expect(line(record(1, { attrs: [{ key: "v", value: 'a\nlevel=ERROR "x"' }, { key: "n", value: "3" }] }))).toBe('2026-05-01T12:00:00Z INFO [live] message 1 v="a\\nlevel=ERROR \\"x\\"" n=3');
});
