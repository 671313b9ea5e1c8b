import type { Addresses, Entry, Event } from "./types";

/** What the event socket tells of channels; see lib/state/guide.svelte.ts. */
export interface Listener {
  set(entries: Entry[]): void;
  setConnected(on: boolean): void;
}
/** What it tells of the host; see lib/state/house.svelte.ts. */
export interface Mover {
  move(addresses: Addresses): void;
}

// The server pings every 20 s; two missed ones and a bit mean a dead line that TCP has not noticed (Wi-Fi gone, laptop asleep).
const SILENCE = 45_000;
const FIRST_WAIT = 500;
const LONGEST_WAIT = 8_000;

/**
 * The line to the host: one WebSocket that says what is on, opened again whenever it breaks, sooner when the network or the tab comes back.
 * A WebSocket and not SSE, because plain HTTP/1.1 has six connections per host and an open EventSource in each tab would eat them.
 */
export class Events {
  #url: string;
  #listener: Listener;
  #mover: Mover;
  #socket: WebSocket | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #watchdog: ReturnType<typeof setTimeout> | undefined;
  #wait = FIRST_WAIT;
  #running = false;

  constructor(url: string, listener: Listener, mover: Mover) {
    this.#url = url;
    this.#listener = listener;
    this.#mover = mover;
  }

  /** Connects and stays connected; call the answer to stop for good. */
  run(): () => void {
    this.#running = true;
    this.#open();
    const hurry = () => document.visibilityState === "visible" && this.#hurry();
    window.addEventListener("online", hurry);
    document.addEventListener("visibilitychange", hurry);
    return () => {
      this.#running = false;
      window.removeEventListener("online", hurry);
      document.removeEventListener("visibilitychange", hurry);
      this.#drop();
    };
  }

  #open() {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    this.#listen();
    socket.onmessage = (e) => this.#hear(String(e.data));
    socket.onclose = () => this.#lost(socket);
  }

  #hear(text: string) {
    this.#listen();
    this.#wait = FIRST_WAIT;
    this.#listener.setConnected(true);
    let message: Event;
    try {
      message = JSON.parse(text) as Event;
    } catch {
      return; // not ours to understand; the next list replaces everything anyway
    }
    if (message.type === "channels" && Array.isArray(message.channels)) this.#listener.set(message.channels);
    if (message.type === "addresses" && message.addresses) this.#mover.move(message.addresses);
  }

  /** Somebody spoke: begin counting the silence anew. */
  #listen() {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => this.#socket && this.#lost(this.#socket), SILENCE);
  }

  #lost(socket: WebSocket) {
    if (socket !== this.#socket || !this.#running) return;
    this.#drop();
    this.#listener.setConnected(false);
    // Spread over half the wait, so that a room full of viewers does not come back in the same instant.
    this.#retry = setTimeout(() => this.#open(), this.#wait * (0.75 + Math.random() / 2));
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
  }

  #hurry() {
    if (this.#retry === undefined) return;
    this.#wait = FIRST_WAIT;
    this.#open();
  }

  #drop() {
    clearTimeout(this.#retry);
    clearTimeout(this.#watchdog);
    this.#retry = undefined;
    const socket = this.#socket;
    this.#socket = undefined;
    if (!socket) return;
    socket.onmessage = socket.onclose = null;
    socket.close();
  }
}
