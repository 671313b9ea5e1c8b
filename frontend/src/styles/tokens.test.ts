import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const css = readFileSync("src/styles/tokens.css", "utf8");

/** The two colours of a token, light then dark. */
function token(name: string): [string, string] {
  const value = new RegExp(`--${name}:\\s*([^;]+);`).exec(css)?.[1] ?? "";
  const found = value.match(/#[0-9a-f]{6}/gi) ?? [];
  if (!found[0]) throw new Error(`no colour in --${name}: ${value}`);
  return [found[0], found[1] ?? found[0]];
}
function luminance(hex: string): number {
  const part = (i: number) => {
    const v = parseInt(hex.slice(i, i + 2), 16) / 255;
    return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5);
}
function contrast(a: string, b: string): number {
  const [x, y] = [luminance(a), luminance(b)];
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}

const grounds = ["page", "surface", "raised", "sunken", "hover"];
const words = ["text", "text-soft", "text-faint", "danger", "good", "tally", "caution"];
const pairs = [
  ...words.flatMap((w) => grounds.map((g) => [w, g, 4.5] as const)),
  ["on-tally", "tally-fill", 4.5] as const,
  ["on-tally", "tally-fill-hover", 4.5] as const,
  ["on-ink", "ink", 4.5] as const,
  ["on-ink", "ink-hover", 4.5] as const,
  ["danger", "danger-wash", 4.5] as const,
  ["caution", "caution-wash", 4.5] as const,
  ["text-soft", "danger-wash", 4.5] as const,
  ["text-soft", "caution-wash", 4.5] as const,
  ...grounds.flatMap((g) => [["line-strong", g, 3] as const, ["focus", g, 3] as const]),
];

describe("tokens", () => {
  it.each(pairs)("%s on %s keeps %d:1 in both themes", (front, ground, least) => {
    const [f, g] = [token(front), token(ground)];
    expect(contrast(f[0], g[0]), "light").toBeGreaterThanOrEqual(least);
    expect(contrast(f[1], g[1]), "dark").toBeGreaterThanOrEqual(least);
  });
});
