/** What a key asks of the player. */
export type Command = "play" | "mute" | "louder" | "quieter" | "back5" | "ahead5" | "back10" | "ahead10" | "full" | "theatre" | "pip" | "live" | "stats" | "help";

/** Keys as people know them from other players; also the text of the help. */
export const keyHelp: [keys: string, what: string][] = [
  ["Space or K", "Play or pause"],
  ["M", "Sound on or off"],
  ["↑ ↓", "Louder, quieter (on the picture)"],
  ["← →", "5 seconds back, ahead"],
  ["J L", "10 seconds back, ahead"],
  ["Shift →", "Go live (on the picture also End)"],
  ["F", "Full screen"],
  ["T", "Theatre"],
  ["I", "Picture in picture"],
  ["N", "Stats for nerds"],
  ["?", "This help"],
];

const single: Record<string, Command> = { k: "play", m: "mute", j: "back10", l: "ahead10", f: "full", t: "theatre", i: "pip", n: "stats", "?": "help" };
const scrolling: Record<string, Command> = { ArrowUp: "louder", ArrowDown: "quieter", End: "live" }; // elsewhere these move the page
const plain: Record<string, Command> = { " ": "play", ArrowLeft: "back5", ArrowRight: "ahead5" };

/**
 * The command of a key press, or undefined when it is not the player's: typing, a browser's own combination, or a key that the focused
 * control, or the page, uses itself. letters false switches the single characters off.
 */
export function commandOf(e: KeyboardEvent, letters: boolean): Command | undefined {
  if (e.defaultPrevented || e.ctrlKey || e.altKey || e.metaKey) return undefined;
  const at = e.target instanceof Element ? e.target : undefined;
  if (at?.closest("input:not([type=range]), textarea, select, [contenteditable], dialog, [role=menu]")) return undefined;
  if (e.shiftKey && e.key === "ArrowRight") return "live";
  if (at?.closest("input[type=range]") && /^(Arrow|End)/.test(e.key)) return undefined;
  if (at?.closest("button, a[href], summary") && e.key === " ") return undefined;
  if (e.shiftKey && e.key !== "?") return undefined;
  if (scrolling[e.key]) return at?.closest("[data-keys]") || document.fullscreenElement ? scrolling[e.key] : undefined;
  return plain[e.key] ?? (letters ? single[e.key.toLowerCase()] : undefined);
}
