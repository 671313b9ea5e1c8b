import { expect, it, vi } from "vitest";
import { FakeApi } from "../test/fake-api";
import { Keyring } from "./keyring.svelte";
import { Own } from "./own.svelte";

async function ring() {
  const api = new FakeApi();
  api.giveKey("k1", "OBS", "live_first");
  const ring = new Keyring(api);
  await ring.load();
  return { api, ring };
}

it("Keyring shows a secret only when asked to, and fetches it once", async () => {
  const { api, ring: r } = await ring();
  const asked = vi.spyOn(api, "revealKey");
  expect(await r.secret("k1")).toBe("live_first");
  expect(r.visible("k1")).toBe("");
  await r.show("k1");
  expect(r.visible("k1")).toBe("live_first");
  r.hide("k1");
  expect(r.visible("k1")).toBe("");
  expect(asked).toHaveBeenCalledTimes(1);
});

it("Keyring forgets the old secret when a key is rotated", async () => {
  const { ring: r } = await ring();
  await r.show("k1");
  await r.rotate("k1");
  expect(r.visible("k1")).toBe("");
  expect(await r.secret("k1")).not.toBe("live_first");
  expect(r.keys).toHaveLength(1);
});

it("Keyring drops a revoked key, and keeps it when the host refuses", async () => {
  const { api, ring: r } = await ring();
  api.refuse("storage", "the disk is full");
  await expect(r.revoke("k1")).rejects.toMatchObject({ code: "storage" });
  expect(r.keys).toHaveLength(1);
  await r.revoke("k1");
  expect(r.keys).toHaveLength(0);
});

it("Keyring asks again after a failed look", async () => {
  const { api, ring: r } = await ring();
  api.refuse("unreachable", "the host does not answer");
  await expect(r.secret("k1")).rejects.toBeTruthy();
  expect(await r.secret("k1")).toBe("live_first");
});

it("Own keeps the last answer through a hiccup, and stops asking when left", async () => {
  vi.useFakeTimers();
  const api = new FakeApi();
  const asked = vi.spyOn(api, "ownChannel");
  const own = new Own(api);
  const stop = own.run();
  await vi.advanceTimersByTimeAsync(0);
  expect(own.facts?.channel.title).toBe("Old title");
  api.refuse("unreachable", "the host does not answer");
  await vi.advanceTimersByTimeAsync(3000);
  expect([own.error?.code, own.facts?.channel.title]).toEqual(["unreachable", "Old title"]);
  await vi.advanceTimersByTimeAsync(3000);
  expect(own.error).toBeUndefined();
  stop();
  await vi.advanceTimersByTimeAsync(30_000);
  expect(asked).toHaveBeenCalledTimes(3);
});
