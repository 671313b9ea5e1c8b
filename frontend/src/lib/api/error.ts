import type { Code as ServerCode } from "./types";

/** What went wrong, as the server's error table names it; "unreachable" is ours: no answer came at all. */
export type Code = ServerCode | "unreachable";

/** The one error that calls to the API throw. Pages switch on code and show message and hint; never the other way round. */
export class ApiError extends Error {
  readonly code: Code;
  readonly hint: string;
  readonly retryAfter: number; // seconds; 0 when the server named none

  constructor(code: Code, message: string, hint = "", retryAfter = 0) {
    super(sentence(message));
    this.name = "ApiError";
    this.code = code;
    this.hint = sentence(hint);
    this.retryAfter = retryAfter;
  }
}

/** Any thrown thing as an ApiError, so that a page has one shape to show. */
export function asApiError(e: unknown): ApiError {
  if (e instanceof ApiError) return e;
  return new ApiError("internal", "Something went wrong in this page", "Reload the page and try again");
}

/** The server's texts begin small and end without a stop, like Go errors; people read sentences. */
export function sentence(s: string): string {
  const t = s.trim();
  if (!t) return "";
  return t[0]!.toUpperCase() + t.slice(1) + (/[.!?…]$/.test(t) ? "" : ".");
}
