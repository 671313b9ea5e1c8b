import { expect, it } from "vitest";
import Home from "./pages/Home.svelte";
import NotFound from "./pages/NotFound.svelte";
import SignIn from "./pages/SignIn.svelte";
import Studio from "./pages/Studio.svelte";
import Watch from "./pages/Watch.svelte";
import { place } from "./routes";

it("knows its pages", () => {
  expect(place("/").page).toBe(Home);
  expect(place("/@Ann")).toMatchObject({ page: Watch, props: { name: "ann" }, title: "ann" });
  expect(place(`/@Ann@${"a2".repeat(8)}`)).toMatchObject({ page: Watch, props: { name: `ann@${"a2".repeat(8)}` }, title: "ann" });
  for (const no of ["/@ann@", "/@ann@192.168.1.7", `/@ann@${"a".repeat(17)}`, "/@@aaaaaaaaaaaaaaaa"]) expect(place(no).page).toBe(NotFound);
  expect(place("/studio")).toMatchObject({ page: Studio, account: true });
  expect(place("/nowhere").page).toBe(NotFound);
  expect(place("/@a/b").page).toBe(NotFound);
});

it("comes back after signing in, to pages of ours only", () => {
  expect(place("/signin?next=%2Fstudio")).toMatchObject({ page: SignIn, props: { next: "/studio" } });
  for (const away of ["https%3A%2F%2Fevil.example", "%2F%2Fevil.example", "javascript%3Aalert(1)"]) {
    expect(place(`/signin?next=${away}`).props).toEqual({});
  }
});

it("knows which host's page led here, as an id and nothing else", () => {
  expect(place("/@ann?from=aaaaaaaaaaaaaaaa").props).toEqual({ name: "ann", from: "aaaaaaaaaaaaaaaa" });
  for (const no of ["http://evil.example", "aaaa", "aaaaaaaaaaaaaaaa.evil"]) expect(place(`/@ann?from=${no}`).props).toEqual({ name: "ann" });
});

it("plays over one path only when the address says so", () => {
  expect(place("/@ann?path=hls").props).toEqual({ name: "ann", path: "hls" });
  expect(place("/@ann?path=carrier-pigeon").props).toEqual({ name: "ann" });
});

it("takes the code of a phone check, and nothing that only looks like one", () => {
  expect(place("/check?code=ABCDEF27").props).toEqual({ code: "ABCDEF27" });
  for (const bad of ["", "abcdef27", "ABCDEF2", "ABCDEF271", "../../x"]) expect(place(`/check?code=${bad}`).props).toEqual({});
});
