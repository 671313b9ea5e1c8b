import { afterEach, expect, it, vi } from "vitest";
import { copy } from "./copy";

const secure = (on: boolean) => Object.defineProperty(window, "isSecureContext", { value: on, configurable: true });
const clipboard = (writeText: unknown) => Object.defineProperty(navigator, "clipboard", { value: writeText && { writeText }, configurable: true });
afterEach(() => secure(false));

it("copies by selection on plain http, where there is no clipboard", async () => {
  secure(false);
  let selected = "";
  document.execCommand = vi.fn(() => {
    const area = document.querySelector("textarea")!;
    selected = area.value;
    return true;
  });
  expect(await copy("rtmp://host/live")).toBe(true);
  expect(selected).toBe("rtmp://host/live");
  expect(document.querySelector("textarea")).toBeNull();
});

it("falls back when the clipboard refuses", async () => {
  secure(true);
  clipboard(vi.fn().mockRejectedValue(new DOMException("no", "NotAllowedError")));
  document.execCommand = vi.fn(() => true);
  expect(await copy("x")).toBe(true);
  expect(document.execCommand).toHaveBeenCalledWith("copy");
});

it("says so when neither way works", async () => {
  document.execCommand = vi.fn(() => false);
  expect(await copy("x")).toBe(false);
});
