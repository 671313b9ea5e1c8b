import { expect, it } from "vitest";
import { away, entry } from "../test/fake-api";
import { bySize, Guide } from "./guide.svelte";

const names = (g: { channel: string }[]) => g.map((e) => e.channel);

it("puts live channels first, the most watched at the front", () => {
  const list = [entry("off", { state: "offline" }), entry("small", { viewers: 1 }), entry("soon", { state: "starting" }), entry("big", { viewers: 9 })];
  expect(names(bySize(list))).toEqual(["big", "small", "soon", "off"]);
});

it("keeps the leader until another is clearly bigger", () => {
  const guide = new Guide();
  guide.set([entry("ann", { viewers: 10 }), entry("kim", { viewers: 9 })]);
  guide.set([entry("ann", { viewers: 10 }), entry("kim", { viewers: 12 })]);
  expect(names(guide.on)).toEqual(["ann", "kim"]);
  guide.set([entry("ann", { viewers: 10 }), entry("kim", { viewers: 16 })]);
  expect(names(guide.on)).toEqual(["kim", "ann"]);
});

it("lets a leader go who went offline", () => {
  const guide = new Guide();
  guide.set([entry("ann", { viewers: 10 }), entry("kim", { viewers: 1 })]);
  guide.set([entry("ann", { state: "offline" }), entry("kim", { viewers: 1 })]);
  expect(names(guide.entries)).toEqual(["kim", "ann"]);
  expect(names(guide.off)).toEqual(["ann"]);
});

it("puts what is on a computer that left after all others that are on", () => {
  const guide = new Guide();
  guide.set([away("zoe", { viewers: 90 }), entry("ann", { viewers: 1 })]);
  expect(names(guide.on)).toEqual([away("zoe").channel, "ann"]);
  guide.set([away("zoe", { viewers: 90, presence: "gone" }), entry("ann", { viewers: 1 }), entry("kim", { state: "starting" }), entry("off", { state: "offline" })]);
  expect(names(guide.entries)).toEqual(["ann", "kim", away("zoe").channel, "off"]);
  expect(names(guide.reachable)).toEqual(["ann", "kim"]);
});

it("knows nothing before the first list, and keeps the last one while the line is down", () => {
  const guide = new Guide();
  expect(guide.known).toBe(false);
  guide.set([entry("ann")]);
  guide.setConnected(false);
  expect(guide.known).toBe(true);
  expect(guide.find("ann")?.state).toBe("live");
});
