import { describe, expect, it } from "vitest";
import { binary } from "../test/fake-media";
import { parse, parseText } from "./push-wire";

describe("a binary message", () => {
  it("tells what it is and when it came, past 32 bits of milliseconds", () => {
    expect(parse(binary({ key: true, number: 4_000_000_000, at: 1_795_410_000_123, size: 3 }))).toMatchObject({
      init: false,
      key: true,
      tag: 7,
      number: 4_000_000_000,
      at: 1_795_410_000_123,
    });
    expect(parse(binary({ init: true }))!.init).toBe(true);
    expect(parse(binary({ size: 3 }))!.data).toHaveLength(3);
  });
  it("is nothing when it is shorter than its header", () => {
    expect(parse(new ArrayBuffer(15))).toBeUndefined();
    expect(parse(new ArrayBuffer(16))!.data).toHaveLength(0);
  });
});

it.each(["", "{", "null", "7", '"on"', "<html>"])("the text %j is nothing, and throws nothing", (raw) => expect(parseText(raw)).toBeUndefined());
it("a text is its object", () => expect(parseText('{"on":"ann","tag":7}')).toEqual({ on: "ann", tag: 7 }));
