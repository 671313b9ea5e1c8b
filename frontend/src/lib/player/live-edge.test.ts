import { describe, expect, it } from "vitest";
import { LiveEdge, parts, PICTURES } from "./live-edge";

const calm = { rate: 1, jump: false };

describe("LiveEdge", () => {
  it("hurries when it drifts, and stops hurrying a little later than it began", () => {
    const e = new LiveEdge(PICTURES);
    expect(e.step(0.18, 0, true)).toEqual(calm);
    expect(e.step(0.2, 0, true)).toEqual({ rate: 1.08, jump: false });
    expect(e.step(0.17, 0, true)).toEqual({ rate: 1.08, jump: false });
    expect(e.step(0.155, 0, true)).toEqual(calm);
    expect(e.step(0.18, 0, true)).toEqual(calm);
  });

  it("never goes beyond 1.1, and hurries only where it may", () => {
    for (const pace of [PICTURES, parts(0.2)]) expect(pace.hurry).toBeLessThanOrEqual(1.1);
    expect(new LiveEdge(PICTURES).step(0.5, 0, false)).toEqual(calm);
  });

  it("jumps when it is far, but not one jump after the other", () => {
    const e = new LiveEdge(PICTURES);
    expect(e.step(0.9, 0, true)).toEqual({ rate: 1, jump: true });
    expect(e.step(0.9, 4999, true)).toEqual({ rate: 1.08, jump: false });
    expect(e.step(0.9, 5000, true)).toEqual({ rate: 1, jump: true });
  });

  it("keeps more ahead after a stall, within reason, and less again while none comes", () => {
    const e = new LiveEdge(PICTURES);
    e.stalled(0);
    expect(e.target).toBeCloseTo(0.27);
    e.step(0.25, 4000, true);
    expect(e.target).toBeCloseTo(0.27);
    for (let s = 5; s < 8; s++) e.step(0.25, s * 1000, true);
    expect(e.target).toBeCloseTo(0.24);
    for (let s = 8; s < 60; s++) e.step(0.25, s * 1000, true);
    expect(e.target).toBeCloseTo(PICTURES.base);
    for (let i = 0; i < 100; i++) e.stalled(0);
    expect(e.target).toBe(PICTURES.most);
  });

  it("holds more than one part where media come in parts", () => {
    const { target } = new LiveEdge(parts(0.2));
    expect(target).toBeGreaterThan(0.2);
    expect(target).toBeLessThan(0.6);
  });
});
