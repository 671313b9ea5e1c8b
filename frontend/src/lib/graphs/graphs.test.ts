import { screen } from "@testing-library/svelte";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import { FakeApi } from "../test/fake-api";
import { open, parts } from "../test/open";
import Graphs from "./Graphs.svelte";
import { evened, joined, rows, Series, withHoles } from "./series.svelte";

/** Samples of these seconds, with everything equal to the second. */
const of = (...at: number[]) => ({ at, bitrate: at, fps: at, viewers: at, keyInterval: at, late: at });

it("asks only for what is new, and keeps ten minutes of it", async () => {
  const api = new FakeApi();
  const asked = vi.spyOn(api, "series");
  const s = new Series(api, "ann");
  api.figures = of(...Array.from({ length: 600 }, (_, i) => i + 1));
  await s.load();
  api.figures = of(...Array.from({ length: 600 }, (_, i) => i + 11));
  await s.load();
  expect(asked.mock.calls.map((c) => c[1])).toEqual([0, 600]);
  expect([s.figures.at.length, s.figures.at[0], s.figures.at.at(-1)]).toEqual([600, 11, 610]);
});

it("keeps the figures through a hiccup of the host", async () => {
  const api = new FakeApi();
  const s = new Series(api, "ann");
  api.figures = of(1, 2);
  await s.load();
  api.refuse("unreachable", "gone");
  await s.load();
  expect(s.figures.at).toEqual([1, 2]);
});

it("an answer that comes twice adds nothing", () => {
  const old = of(1, 2, 3);
  expect(joined(old, of(1, 2, 3))).toBe(old);
  expect(joined(old, of(2, 3, 4)).at).toEqual([1, 2, 3, 4]);
  expect(joined(old, of())).toBe(old);
});

it("breaks the lines where the channel was off the air, and knows no key interval of 0", () => {
  const f = withHoles({ ...of(1, 2, 60), keyInterval: [0, 1, 1] });
  expect(f.at).toEqual([1, 2, 3, 60]);
  expect(f.bitrate).toEqual([1, 2, null, 60]);
  expect(f.keyInterval).toEqual([null, 1, null, 1]);
});

it("evens pictures a second out, not over a hole", () => {
  expect(evened([30, 31, 29, null, 12])).toEqual([30, 30.5, 30, null, 20.5]);
  expect(evened([])).toEqual([]);
});

it("the table has means, and the worst lateness", () => {
  const f = withHoles({ ...of(30, 31, 46), late: [10, 900, 0], fps: [20, 30, 5] });
  expect(rows(f, 15)).toEqual([
    { at: 45, cells: [46, 5, 46, 46, 0] },
    { at: 30, cells: [30.5, 25, 30.5, 30.5, 900] },
  ]);
});

it("says in words what the charts draw, and in a table", async () => {
  const api = new FakeApi();
  api.figures = { at: [100, 101], bitrate: [6000, 5000], fps: [30, 30], viewers: [3, 4], keyInterval: [1, 1], late: [0, 1200] };
  open(Graphs, await parts(api), { channel: "ann" });
  expect(await screen.findByRole("img", { name: "Bit rate: now 5.0 Mb/s, between 5.0 Mb/s and 6.0 Mb/s in the time shown." })).toBeTruthy();
  expect(screen.getByRole("img", { name: /^Sender behind: now 1\.2 s/ })).toBeTruthy();
  await userEvent.click(screen.getByText("The same as a table"));
  expect(screen.getByRole("cell", { name: "5.5 Mb/s" })).toBeTruthy();
});

it("says so when there is nothing to draw", async () => {
  open(Graphs, await parts(), { channel: "ann" });
  expect(screen.getByText(/Nothing measured/)).toBeTruthy();
});
