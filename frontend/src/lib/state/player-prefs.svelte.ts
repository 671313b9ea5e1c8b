import { isBoolean, isLoudness, Persisted } from "./persisted.svelte";

/** How this device likes its player. Kept between visits, so that nothing ever starts louder than it ended. */
export class PlayerPrefs {
  #volume = new Persisted("volume", 0.6, isLoudness);
  #muted = new Persisted("muted", false, isBoolean);
  #theatre = new Persisted("theatre", false, isBoolean);
  #direct = new Persisted("direct", true, isBoolean);
  #keys = new Persisted("keys", true, isBoolean);

  get volume(): number {
    return this.#volume.current;
  }
  set volume(v: number) {
    this.#volume.current = v;
  }
  /** The viewer's own wish; the browser's autoplay rule is not one. */
  get muted(): boolean {
    return this.#muted.current;
  }
  set muted(v: boolean) {
    this.#muted.current = v;
  }
  get theatre(): boolean {
    return this.#theatre.current;
  }
  set theatre(v: boolean) {
    this.#theatre.current = v;
  }
  /** Channels of other computers open on those computers' own pages, where this device reaches them; see lib/direct.ts. */
  get direct(): boolean {
    return this.#direct.current;
  }
  set direct(v: boolean) {
    this.#direct.current = v;
  }
  /** Single-letter keys can be switched off (WCAG 2.1.4): speech input types letters by mistake. */
  get keys(): boolean {
    return this.#keys.current;
  }
  set keys(v: boolean) {
    this.#keys.current = v;
  }
}
