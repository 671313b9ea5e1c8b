import type { Api } from "./api/client";

/** What only the desktop window can do. A browser gets the twin below, so pages never ask where they run except to choose words. */
export interface Desktop {
  readonly here: boolean;
  /** Opens an address in the system's browser. */
  open(url: string): Promise<void>;
}

/**
 * The window loads this same page from http://127.0.0.1 and hands it a token for /api/desktop; there is no window.runtime and no binding.
 * Links to elsewhere would replace the interface for good (the webview has no Back button), so the system's browser takes them.
 */
export function desktopWith(token: string, api: Api): Desktop {
  if (!token) return browser;
  return { here: true, open: (url) => api.openOutside(url, token) };
}

const browser: Desktop = {
  here: false,
  async open(url) {
    window.open(url, "_blank", "noopener");
  },
};

/** Sends clicks on links that leave this host to the system's browser; call the answer to stop. Does nothing in a browser. */
export function catchLinks(desktop: Desktop, doc: Document): () => void {
  if (!desktop.here) return () => {};
  const home = doc.location.origin;
  const onclick = (e: MouseEvent) => {
    const link = (e.target as Element | null)?.closest?.("a[href]") as HTMLAnchorElement | null;
    if (!link || (link.origin === home && link.target !== "_blank")) return;
    e.preventDefault();
    void desktop.open(link.href);
  };
  doc.addEventListener("click", onclick);
  return () => doc.removeEventListener("click", onclick);
}
