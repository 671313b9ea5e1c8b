import { cleanup } from "@testing-library/svelte";
import { afterEach, beforeEach, vi } from "vitest";
import { NullObserver, quietMedia } from "./dom";

// What a page needs from a browser and happy-dom does not do. Every test starts with empty storage and an empty address.
beforeEach(() => {
  localStorage.clear();
  location.hash = "";
  quietMedia();
  vi.stubGlobal("IntersectionObserver", NullObserver);
  window.scrollTo = () => {};
});
afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});
