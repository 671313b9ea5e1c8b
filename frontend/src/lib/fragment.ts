/** What the window or the terminal handed us in the address, for this page's life only. */
export interface Handed {
  desktop: string; // token for /api/desktop/*; "" in an ordinary browser
  claim: string; // one-time code that makes the first account the owner; ""
}

/**
 * Reads "#t=…&claim=…" once and takes it out of the address, so that it is in no history entry, bookmark, copied link or screenshot.
 * Ordinary hash routes ("#/…") are left alone.
 */
export function takeFragment(w: Window): Handed {
  const raw = w.location.hash.slice(1);
  if (!raw || raw.startsWith("/")) return { desktop: "", claim: "" };
  const given = new URLSearchParams(raw);
  const handed = { desktop: given.get("t") ?? "", claim: given.get("claim") ?? "" };
  w.history.replaceState(null, "", handed.claim ? "#/setup" : "#/");
  return handed;
}

/** The path of a channel's page; its key is ann, or ann@<host id>. */
export const channelPath = /^\/@(?<name>[a-z0-9_-]+(?:@[a-z2-7]{16})?)$/i;

/** The channel whose page an address leads to, to be played in the usual way; see place in routes.ts for "path". */
export function channelIn(hash: string): string | undefined {
  const [path = "", query = ""] = hash.slice(1).split("?");
  return new URLSearchParams(query).has("path") ? undefined : channelPath.exec(path)?.groups?.name?.toLowerCase();
}

/** /stat is an address that people type, as for nginx. The host answers it with this page; it is #/stat from here on. */
export function statByPath(w: Window) {
  if (w.location.pathname === "/stat") w.history.replaceState(null, "", `/${w.location.hash.startsWith("#/") ? w.location.hash : "#/stat"}`);
}
