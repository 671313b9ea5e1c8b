/**
 * One value that survives in localStorage, per device. Without storage (private window, denied) it lives as long as the page.
 * valid decides what may come back in: storage is the user's, and older versions wrote it too.
 */
export class Persisted<T> {
  #key: string;
  #value: T;

  constructor(name: string, fallback: T, valid: (v: unknown) => v is T) {
    this.#key = `echotv.${name}`;
    this.#value = $state(read(this.#key, fallback, valid));
  }

  get current(): T {
    return this.#value;
  }
  set current(v: T) {
    this.#value = v;
    try {
      localStorage.setItem(this.#key, JSON.stringify(v));
    } catch {
      // Denied or full: the choice holds for this page.
    }
  }
}

function read<T>(key: string, fallback: T, valid: (v: unknown) => v is T): T {
  try {
    const v: unknown = JSON.parse(localStorage.getItem(key) ?? "null");
    return valid(v) ? v : fallback;
  } catch {
    return fallback;
  }
}

export const isBoolean = (v: unknown): v is boolean => typeof v === "boolean";
export const isLoudness = (v: unknown): v is number => typeof v === "number" && v >= 0 && v <= 1;
