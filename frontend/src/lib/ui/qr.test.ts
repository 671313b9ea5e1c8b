import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { modules, outline, QUIET } from "./qr";

const links = ["http://192.168.1.20:5175", "http://192.168.1.20:5175/@lee_plays", "http://[fd00::2]:5175/@a-name-of-24-characters@abcdefghij234567"];
const missing = spawnSync("zbarimg", ["--version"]).error !== undefined;

/** The outline as a picture, four pixels a module, as a camera would see it. */
function portableGraymap(text: string): Buffer {
  const size = modules(text).length + 2 * QUIET;
  const pixels = Buffer.alloc(16 * size * size, 255);
  for (const [, x, y, width] of outline(modules(text)).matchAll(/M(\d+) (\d+)h(\d+)v1H\d+z/g)) {
    for (let line = 4 * Number(y); line < 4 * Number(y) + 4; line++) pixels.fill(0, line * 4 * size + 4 * Number(x), line * 4 * size + 4 * (Number(x) + Number(width)));
  }
  return Buffer.concat([Buffer.from(`P5 ${4 * size} ${4 * size} 255\n`), pixels]);
}

it.skipIf(missing && !process.env.ECHOTV_TEST_STRICT)("is read back by a reader that is not ours", () => {
  const dir = mkdtempSync(join(tmpdir(), "qr-"));
  try {
    for (const text of links) {
      const file = join(dir, "code.pgm");
      writeFileSync(file, portableGraymap(text));
      expect(execFileSync("zbarimg", ["--quiet", "--raw", "--nodbus", file], { encoding: "utf8" }).trim()).toBe(text);
    }
  } finally {
    rmSync(dir, { recursive: true });
  }
});

it("draws every dark module once, inside the quiet zone", () => {
  const dark = modules(links[0]!);
  const drawn = [...outline(dark).matchAll(/h(\d+)v1/g)].reduce((sum, [, width]) => sum + Number(width), 0);
  expect(drawn).toBe(dark.flat().filter(Boolean).length);
});
