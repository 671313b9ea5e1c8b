import { expect, it } from "vitest";
import { statByPath, takeFragment } from "./fragment";

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
