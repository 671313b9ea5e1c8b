import { expect, it } from "vitest";
import { commandOf, type Command } from "./keys";

/** Presses key on an element made from html (the body without). */
function press(key: string, change: KeyboardEventInit = {}, html = "", letters = true): Command | undefined {
  const box = document.createElement("div");
  box.innerHTML = html;
  document.body.append(box);
  let got: Command | undefined;
  const hear = (e: KeyboardEvent) => (got = commandOf(e, letters));
  document.addEventListener("keydown", hear, { once: true });
  (box.querySelector("[data-at]") ?? box.firstElementChild ?? document.body).dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, ...change }));
  box.remove();
  return got;
}

it.each<[string, Command]>([
  [" ", "play"],
  ["k", "play"],
  ["K", "play"],
  ["m", "mute"],
  ["ArrowLeft", "back5"],
  ["ArrowRight", "ahead5"],
  ["j", "back10"],
  ["l", "ahead10"],
  ["f", "full"],
  ["t", "theatre"],
  ["i", "pip"],
  ["n", "stats"],
])("%j means %s", (key, command) => expect(press(key)).toBe(command));

it.each<[string, Command]>([["ArrowUp", "louder"], ["ArrowDown", "quieter"], ["End", "live"]])("%s is the player's where the focus is in it, else the page's", (key, command) => {
  expect(press(key, {}, "<section data-keys><button data-at></button></section>")).toBe(command);
  expect(press(key, {}, "<section data-keys></section>")).toBe(command);
  expect(press(key)).toBeUndefined();
});

it("takes them all in full screen, where there is no page to move", () => {
  Object.defineProperty(document, "fullscreenElement", { value: document.body, configurable: true });
  expect([press("ArrowUp"), press("End")]).toEqual(["louder", "live"]);
  Object.defineProperty(document, "fullscreenElement", { value: null, configurable: true });
  expect(press("ArrowUp")).toBeUndefined();
});

it("goes live on Shift+→ and helps on ?", () => {
  expect(press("ArrowRight", { shiftKey: true })).toBe("live");
  expect(press("?", { shiftKey: true })).toBe("help");
});

it("is off while typing, in dialogs and for the browser's own combinations", () => {
  for (const html of ["<input>", "<textarea></textarea>", "<select></select>", "<p contenteditable></p>", "<dialog><i data-at></i></dialog>"]) {
    expect(press("m", {}, html), html).toBeUndefined();
  }
  for (const held of [{ ctrlKey: true }, { metaKey: true }, { altKey: true }, { shiftKey: true }]) expect(press("f", held)).toBeUndefined();
});

it("leaves keys to the control that uses them", () => {
  expect(press(" ", {}, "<button></button>")).toBeUndefined();
  expect(press("m", {}, "<button></button>")).toBe("mute");
  expect(press("ArrowUp", {}, '<input type="range">')).toBeUndefined();
  expect(press("m", {}, '<input type="range">')).toBe("mute");
});

it("drops single letters, and only those, when they are switched off", () => {
  expect(press("m", {}, "", false)).toBeUndefined();
  expect(press("?", { shiftKey: true }, "", false)).toBeUndefined();
  expect(press("ArrowLeft", {}, "", false)).toBe("back5");
  expect(press(" ", {}, "", false)).toBe("play");
});
