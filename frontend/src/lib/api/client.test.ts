import { expect, it, vi } from "vitest";
import { httpApi } from "./client";
import { ApiError } from "./error";

/** Answers every request with this, and keeps the requests. */
function server(status: number, body: unknown, headers: Record<string, string> = {}) {
  const asked: Request[] = [];
  const fetch = vi.fn(async (r: Request) => {
    asked.push(r);
    return new Response(status === 204 ? null : JSON.stringify(body), { status, headers: { "Content-Type": "application/json", ...headers } });
  });
  vi.stubGlobal("fetch", fetch);
  return asked;
}
const fails = async (p: Promise<unknown>) => (await p.catch((e: unknown) => e)) as ApiError;

it("asks in JSON, as the front door wants, also without a body", async () => {
  const asked = server(204, undefined);
  await httpApi("http://h").signOut();
  expect(asked[0]!.method).toBe("DELETE");
  expect(asked[0]!.headers.get("Content-Type")).toBe("application/json");
});

it("sends an invite code only when there is one", async () => {
  const asked = server(201, { name: "ann", role: "streamer", created: "" });
  await httpApi("http://h").signUp("ann", "long enough", "");
  expect(await asked[0]!.json()).toEqual({ name: "ann", password: "long enough" });
});

it("turns a problem into an error with code, sentence and hint", async () => {
  server(429, { code: "too_many", detail: "too many tries", status: 429, title: "" }, { "Retry-After": "30" });
  const e = await fails(httpApi("http://h").signIn("ann", "x"));
  expect(e).toBeInstanceOf(ApiError);
  expect(e).toMatchObject({ code: "too_many", message: "Too many tries.", hint: "Try again in 30 s.", retryAfter: 30 });
});

it("says that the host is not there when nothing answers", async () => {
  vi.stubGlobal("fetch", vi.fn().mockRejectedValue(new TypeError("Failed to fetch")));
  expect((await fails(httpApi("http://h").house())).code).toBe("unreachable");
});

it("keeps its words when the answer is not ours to read", async () => {
  vi.stubGlobal("fetch", vi.fn(async () => new Response("<html>proxy</html>", { status: 502, headers: { "Content-Type": "text/html" } })));
  expect(await fails(httpApi("http://h").house())).toMatchObject({ code: "internal", message: "The host answered 502." });
});

it("hands on the server's clock", async () => {
  server(200, { user: null }, { Date: "Thu, 01 Jan 2026 00:00:00 GMT" });
  const heard = vi.fn();
  expect(await httpApi("http://h", heard).session()).toBeNull();
  expect(heard).toHaveBeenCalledWith("Thu, 01 Jan 2026 00:00:00 GMT");
});

it("proves to the window's door that it is the window's page", async () => {
  const asked = server(204, undefined);
  await httpApi("http://h").openOutside("http://x/@ann", "token");
  expect(asked[0]!.headers.get("X-Echotv-Desktop")).toBe("token");
});
