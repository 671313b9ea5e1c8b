import type { Desktop } from "./desktop";
import type { Guide } from "./state/guide.svelte";
import type { House } from "./state/house.svelte";
import type { PlayerPrefs } from "./state/player-prefs.svelte";
import type { Router } from "./state/router.svelte";
import type { Session } from "./state/session.svelte";

const PATIENCE = 500; // ms until a device counts as out of reach: 0.7 s from the click to the player is the promise
const REMEMBER = 60_000; // ms that a "no" holds: a second click shall not wait again

interface Parts {
  guide: Guide;
  house: House;
  session: Session;
  prefs: PlayerPrefs;
  router: Router;
  desktop: Desktop;
}

/**
 * Which way to a channel of another computer: its own page, where this device reaches that computer, else through the host of this page.
 * The own page is one hop less for everybody. It is chosen on a plain click on a channel only; what is typed, bookmarked, or opened in
 * another tab stays here. Also staying: the window, which is the interface of one host; whoever is signed in, since they would be a
 * stranger over there; and whoever chose so in Settings. The other page is told where its viewer came from, and offers the way back. Volume and theme are no reason: people would not see why it went one way or the other.
 */
export class Direct {
  #parts: Parts;
  #reaches: (id: string) => Promise<boolean>;
  #leave: (url: string) => void;
  #no = new Map<string, number>(); // host → when it was found out of reach
  #asked = ""; // the channel whose way is being found

  constructor(parts: Parts, reaches = reachable, leave = (url: string) => location.assign(url)) {
    this.#parts = parts;
    this.#reaches = reaches;
    this.#leave = leave;
  }

  /** Looks after the links to channels; call the answer to stop. */
  run(doc: Document): () => void {
    doc.addEventListener("click", this.#clicked);
    return () => doc.removeEventListener("click", this.#clicked);
  }

  #clicked = (e: MouseEvent) => {
    if (e.defaultPrevented || e.button !== 0 || e.ctrlKey || e.metaKey || e.shiftKey || e.altKey) return;
    const link = (e.target as Element | null)?.closest?.("a[href]");
    const channel = /^#\/@([^@]+@[^@]+)$/.exec(link?.getAttribute("href") ?? "")?.[1];
    if (!channel || !this.#wanted(channel)) return;
    e.preventDefault();
    void this.#go(channel);
  };

  #wanted(channel: string): boolean {
    const { guide, session, prefs, desktop } = this.#parts;
    const entry = guide.find(channel);
    if (!entry?.address || entry.presence === "gone" || desktop.here || session.user || !prefs.direct) return false;
    return Date.now() - (this.#no.get(entry.hostId) ?? -Infinity) > REMEMBER;
  }

  async #go(channel: string) {
    const { guide, router, house } = this.#parts;
    const { address, hostId, name } = guide.find(channel)!;
    const from = router.path;
    this.#asked = channel;
    const yes = await this.#reaches(hostId);
    if (!yes) this.#no.set(hostId, Date.now());
    if (this.#asked !== channel || router.path !== from) return; // they clicked elsewhere meanwhile
    this.#asked = "";
    if (yes) this.#leave(`${address}/#/@${name}${house.id && `?from=${house.id}`}`);
    else router.go(`/@${channel}`);
  }
}

/**
 * Whether this device itself reaches a host. A worker asks, because it comes with a policy of its own that names the one address; the
 * page may connect to nobody but its host. See reach.go.
 */
export function reachable(id: string): Promise<boolean> {
  const worker = new Worker(`/api/hosts/${id}/reach.js`);
  return new Promise<boolean>((done) => {
    setTimeout(done, PATIENCE, false);
    worker.onmessage = (e: MessageEvent<unknown>) => done(e.data === true);
    worker.onerror = () => done(false);
  }).finally(() => worker.terminate());
}
