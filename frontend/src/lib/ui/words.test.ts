import { expect, it } from "vitest";
import { codec, hueOf, picture, rate, runtime, span, watching } from "./words";

it.each([
  [0, "0:00"],
  [9.9, "0:09"],
  [65, "1:05"],
  [3599, "59:59"],
  [3600, "1:00:00"],
  [-4, "0:00"], // a clock that is ahead
])("a running time of %d s reads %s", (s, words) => expect(runtime(s)).toBe(words));

it.each([
  [4.7, "4 s"],
  [61, "1 min"],
  [7300, "2 h"],
])("a span of %d s reads %s", (s, words) => expect(span(s)).toBe(words));

it.each([
  [{ width: 1920, height: 1080, fps: 59.94 }, "1080p60"],
  [{ width: 1280, height: 720, fps: 30 }, "720p"],
  [{ width: 1080, height: 1920, fps: 30 }, "1080p"], // a phone held upright
  [{ width: 0, height: 0, fps: 0 }, ""],
])("%o is called %s", (size, words) => expect(picture(size)).toBe(words));

it.each([
  [6_120_000, "6.1 Mb/s"],
  [640_400, "640 kb/s"],
  [0, ""],
])("%d bit/s reads %s", (bits, words) => expect(rate(bits)).toBe(words));

it("names codecs as people know them, and leaves others alone", () => {
  expect([codec("h264"), codec("H.264"), codec("h265"), codec("VP9"), codec("")]).toEqual(["H.264", "H.264", "HEVC", "VP9", ""]);
});

it("gives a name the same hue however it is written", () => {
  expect(hueOf("Ann")).toBe(hueOf("ann"));
  expect(hueOf("ann")).not.toBe(hueOf("kim"));
});

it("counts viewers in words", () => expect(watching(0)).toBe("0 watching"));
