import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Direct, reachable } from "./direct";
import { away, entry, FakeApi, kimsId } from "./test/fake-api";
import { parts } from "./test/open";

const zoe = `#/@zoe@${kimsId}`;
const settle = () => new Promise((done) => setTimeout(done));
let stop = () => {};
let left: string[];
let asked: string[];
beforeEach(() => ([left, asked] = [[], []]));
afterEach(() => stop());

async function house({ reach = true, user = false, token = "" } = {}) {
  const api = new FakeApi();
  if (user) api.user = { name: "ann", role: "viewer", created: "" };
  api.entries = [entry("ann"), away("zoe")];
  const app = await parts(api, "", token);
  const ask = async (id: string) => (asked.push(id), reach);
  stop = new Direct(app, ask, (url) => left.push(url)).run(document);
  return app;
}
/** Presses a link; true when the browser would follow it. */
function press(href: string, how: MouseEventInit = {}): boolean {
  const link = document.createElement("a");
  link.href = href;
  link.innerHTML = "<b>words</b>";
  document.body.append(link);
  const followed = link.firstElementChild!.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, ...how }));
  link.remove();
  return followed;
}

it("opens the other computer's own page when this device reaches it", async () => {
  await house();
  expect(press(zoe)).toBe(false);
  await settle();
  expect([asked, left]).toEqual([[kimsId], [`http://192.168.1.7:5175/#/@zoe?from=${"s".repeat(16)}`]]);
});

it("watches through this host when it does not, and does not ask again for a while", async () => {
  const app = await house({ reach: false });
  press(zoe);
  await settle();
  expect([left, app.router.path]).toEqual([[], zoe.slice(1)]);
  app.router.go("/");
  expect(press(zoe)).toBe(true);
  expect(asked).toHaveLength(1);
});

it.each([
  ["in the window", { token: "t" }],
  ["for somebody who is signed in here", { user: true }],
])("stays %s", async (_, how) => {
  await house(how);
  expect(press(zoe)).toBe(true);
  await settle();
  expect([asked, left]).toEqual([[], []]);
});

it("stays where the viewer chose so", async () => {
  const app = await house();
  app.prefs.direct = false;
  expect(press(zoe)).toBe(true);
});

it.each([
  ["a channel of this host", "#/@ann", {}],
  ["a computer that nobody knows", `#/@zoe@${"b".repeat(16)}`, {}],
  ["another tab", zoe, { ctrlKey: true }],
  ["another window", zoe, { shiftKey: true }],
])("leaves %s to the browser", async (_, href, how) => {
  await house();
  expect(press(href, how)).toBe(true);
  expect(asked).toEqual([]);
});

it("leaves a computer that is gone alone", async () => {
  const app = await house();
  app.guide.set([away("zoe", { presence: "gone" })]);
  expect(press(zoe)).toBe(true);
});

it("goes nowhere when the viewer went elsewhere meanwhile", async () => {
  const app = await house();
  press(zoe);
  app.router.go("/settings");
  await settle();
  expect([left, app.router.path]).toEqual([[], "/settings"]);
});

it("takes a worker's word, and no answer within half a second for no", async () => {
  vi.useFakeTimers();
  const made: { url: string; ended: boolean; onmessage?: (e: object) => void; onerror?: () => void }[] = [];
  vi.stubGlobal(
    "Worker",
    class {
      ended = false;
      constructor(readonly url: string) {
        made.push(this);
      }
      terminate() {
        this.ended = true;
      }
    },
  );
  const yes = reachable(kimsId);
  made[0]!.onmessage!({ data: true });
  const blocked = reachable(kimsId);
  made[1]!.onerror!();
  const silent = reachable(kimsId);
  vi.advanceTimersByTime(500);
  expect([await yes, await blocked, await silent]).toEqual([true, false, false]);
  expect(made.map((w) => [w.url, w.ended])).toEqual(Array(3).fill([`/api/hosts/${kimsId}/reach.js`, true]));
});
