/** Where we are: the part of the address after "#". Hash routes, because the one HTML file is served at "/" only. */
export class Router {
  #path = $state("/");
  #window: Window;

  constructor(w: Window = window) {
    this.#window = w;
    this.#path = pathOf(w.location.hash);
  }
  get path(): string {
    return this.#path;
  }
  /** Follows the address bar; call the answer to stop. */
  run(): () => void {
    const follow = () => (this.#path = pathOf(this.#window.location.hash));
    this.#window.addEventListener("hashchange", follow);
    return () => this.#window.removeEventListener("hashchange", follow);
  }
  go(path: string) {
    this.#window.location.hash = `#${path}`;
    this.#path = path;
  }
  /** Like go, without a step in the history: after signing in, Back must not return to the form. */
  replace(path: string) {
    this.#window.history.replaceState(null, "", `#${path}`);
    this.#path = path;
  }
}

function pathOf(hash: string): string {
  return hash.startsWith("#/") ? hash.slice(1) : "/";
}
