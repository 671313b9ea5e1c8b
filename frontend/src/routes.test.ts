import { expect, it } from "vitest";
import Home from "./pages/Home.svelte";
import NotFound from "./pages/NotFound.svelte";
import SignIn from "./pages/SignIn.svelte";
import Studio from "./pages/Studio.svelte";
import Watch from "./pages/Watch.svelte";
import { place } from "./routes";

const content = async (path: string) => (await place(path).page()).default;

it("knows its pages", async () => {
  expect(await content("/")).toBe(Home);
  expect(await content("/@Ann")).toBe(Watch);
  expect(place("/@Ann")).toMatchObject({ props: { name: "ann" }, title: "ann" });
  expect(place(`/@Ann@${"a2".repeat(8)}`)).toMatchObject({ props: { name: `ann@${"a2".repeat(8)}` }, title: "ann" });
  for (const no of ["/@ann@", "/@ann@192.168.1.7", `/@ann@${"a".repeat(17)}`, "/@@aaaaaaaaaaaaaaaa"]) expect(await content(no)).toBe(NotFound);
  expect(await content("/studio")).toBe(Studio);
  expect(place("/studio")).toMatchObject({ account: true });
  expect(await content("/nowhere")).toBe(NotFound);
  expect(await content("/@a/b")).toBe(NotFound);
});

it("has what viewers come for without fetching it", () => {
  for (const path of ["/", "/@ann", "/nowhere"]) expect(place(path).page()).not.toBeInstanceOf(Promise);
});

it("comes back after signing in, to pages of ours only", async () => {
  expect(await content("/signin?next=%2Fstudio")).toBe(SignIn);
  expect(place("/signin?next=%2Fstudio").props).toEqual({ next: "/studio" });
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
