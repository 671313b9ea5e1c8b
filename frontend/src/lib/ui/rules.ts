// What the server accepts, told before it has to refuse. The server decides; these only save a round trip.

export const nameHint = "2 to 24 letters, digits, - or _. It is also your channel's address.";
export const passwordHint = "At least 8 characters. A few words are easier to remember.";

/** Why this cannot be a name, or "". */
export function nameProblem(name: string): string {
  return /^[a-z0-9][a-z0-9_-]{1,23}$/i.test(name.trim()) ? "" : "Use 2 to 24 letters, digits, - or _, beginning with a letter or digit.";
}

/** Why this cannot be a password, or "". Counted in bytes, as the server does. */
export function passwordProblem(password: string): string {
  const size = new TextEncoder().encode(password).length;
  if (size < 8) return "Use at least 8 characters.";
  return size > 256 ? "That is too long: 256 characters at most." : "";
}
