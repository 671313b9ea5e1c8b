import { expect, it } from "vitest";
import { takeFragment } from "./fragment";

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
