import { expect, it } from "vitest";
import { channelIn, statByPath, takeFragment } from "./fragment";

it("takes token and claim out of the address and goes on to set-up", () => {
  location.hash = "#t=desk-token&claim=CODE";
  expect(takeFragment(window)).toEqual({ desktop: "desk-token", claim: "CODE" });
  expect(location.hash).toBe("#/setup");
});

it("goes home when there was nothing to claim", () => {
  location.hash = "#t=desk-token";
  expect(takeFragment(window)).toEqual({ desktop: "desk-token", claim: "" });
  expect(location.hash).toBe("#/");
});

it("leaves a page's own address alone", () => {
  location.hash = "#/@ann";
  expect(takeFragment(window)).toEqual({ desktop: "", claim: "" });
  expect(location.hash).toBe("#/@ann");
});

it("makes /stat the page of it, and keeps the page that somebody is on", () => {
  history.replaceState(null, "", "/stat");
  statByPath(window);
  expect(location.pathname + location.hash).toBe("/#/stat");
  history.replaceState(null, "", "/stat#/@ann");
  statByPath(window);
  expect(location.pathname + location.hash).toBe("/#/@ann");
  history.replaceState(null, "", "/#/studio");
  statByPath(window);
  expect(location.pathname + location.hash).toBe("/#/studio");
});

it("knows which channel an address leads to, unless it is to be played in some other way", () => {
  const far = `ann@${"a2".repeat(8)}`;
  for (const [hash, channel] of [["#/@Ann", "ann"], [`#/@${far}`, far], ["#/@ann?from=aaaaaaaaaaaaaaaa", "ann"]]) expect(channelIn(hash!)).toBe(channel);
  for (const no of ["", "#/", "#/@", "#/studio", "#claim=CODE", "#/@ann?path=hls", "#/@a/b", "#/@ann@evil.example"]) expect(channelIn(no)).toBeUndefined();
});
