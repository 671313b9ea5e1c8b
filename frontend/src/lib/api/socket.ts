/** Where a page at this location reaches a socket of its host; behind a proxy with TLS that is wss. */
export function socketUrl(at: { protocol: string; host: string }, path: string): string {
  return `${at.protocol === "https:" ? "wss" : "ws"}://${at.host}${path}`;
}
