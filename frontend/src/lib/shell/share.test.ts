import { screen } from "@testing-library/svelte";
import { tick } from "svelte";
import { expect, it } from "vitest";
import Poster from "../../pages/Poster.svelte";
import type { Address } from "../api/types";
import { addresses, entry, FakeApi } from "../test/fake-api";
import { open, parts } from "../test/open";
import Share from "./Share.svelte";

const code = () => screen.queryByRole("img", { name: /^QR code/ })?.getAttribute("aria-label");
const vpn: Address = { url: "http://10.8.0.2:5175", kind: "vpn", adapter: "tun0", best: false };
const named: Address = { url: "http://kims-pc.local:5175", kind: "name", adapter: "", best: false };
async function host(more: Address[] = []) {
  const api = new FakeApi();
  const at = addresses("192.168.1.20");
  api.house_.addresses = { ...at, watch: [...at.watch, ...more] };
  api.entries = [entry("ann", { title: "Falling" })];
  return parts(api);
}

it("shows one big address, and the others with what leads to them", async () => {
  open(Share, await host([vpn, named]), { open: true });
  expect(code()).toBe("QR code for http://192.168.1.20:5175");
  expect(screen.getByText("192.168.1.20:5175")).toBeTruthy();
  for (const words of ["VPN", "http://10.8.0.2:5175", "By name", "http://kims-pc.local:5175"]) expect(screen.getByText(words)).toBeTruthy();
  expect(screen.queryByText("http://127.0.0.1:5175")).toBeNull(); // leads everybody to their own computer
});

it("follows the host to its new address without a reload", async () => {
  const app = await host();
  open(Share, app, { open: true, channel: "ann" });
  app.house.move(addresses("10.0.0.7"));
  await tick();
  expect(code()).toBe("QR code for http://10.0.0.7:5175/@ann");
});

it("says what to do while there is no network", async () => {
  const app = await host();
  const nowhere = { url: "http://127.0.0.1:5175", kind: "here", adapter: "", best: false } as const;
  app.house.move({ watch: [nowhere], publish: [] });
  open(Share, app, { open: true });
  expect(code()).toBeUndefined();
  expect(screen.getByText(/Join a Wi-Fi or plug a cable in/)).toBeTruthy();
});

it("makes a poster that follows too, and names the host by name only where that works", async () => {
  const app = await host();
  open(Poster, app, { name: "ann" });
  expect(screen.getByRole("heading", { level: 1, name: "Watch ann" })).toBeTruthy();
  expect([code(), screen.queryByText(/local/)]).toEqual(["QR code for http://192.168.1.20:5175/@ann", null]);
  app.house.move({ ...addresses("10.0.0.7"), watch: [...addresses("10.0.0.7").watch, named] });
  await tick();
  expect(code()).toBe("QR code for http://10.0.0.7:5175/@ann");
  expect(document.body.textContent).toContain("kims-pc.local:5175/@ann");
});
