import { Persisted } from "./persisted.svelte";

export type Choice = "system" | "light" | "dark";
const isChoice = (v: unknown): v is Choice => v === "system" || v === "light" || v === "dark";

/** Light, dark, or as the system says. The tokens follow color-scheme, which follows the root's data-theme; see public/theme.js for the first paint. */
export class Theme {
  #chosen = new Persisted<Choice>("theme", "system", isChoice);
  #root: HTMLElement;

  constructor(root: HTMLElement) {
    this.#root = root;
    this.#apply();
  }
  get choice(): Choice {
    return this.#chosen.current;
  }
  choose(c: Choice) {
    this.#chosen.current = c;
    this.#apply();
  }
  #apply() {
    if (this.choice === "system") delete this.#root.dataset.theme;
    else this.#root.dataset.theme = this.choice;
  }
}
