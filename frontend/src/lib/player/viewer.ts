/** What a preview calls itself: somebody who looks at their own picture is no viewer. */
export const preview = "preview";

/** A random id for one player, by which the host counts it once. getRandomValues, because randomUUID needs a secure context. */
export function viewerId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (b) => b.toString(16).padStart(2, "0")).join("");
}
