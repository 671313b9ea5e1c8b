import { encode } from "uqr";

/** Where a QR code is dark, row by row. Level M: a poster survives a coffee stain, and a phone still reads it from across the room. */
export function modules(text: string): boolean[][] {
  return encode(text, { ecc: "M", border: 0 }).data;
}

/** The quiet zone that ISO/IEC 18004 asks for, in modules. */
export const QUIET = 4;

/** The dark modules as one path: one rectangle for each run, so that no hairlines show between neighbours. */
export function outline(dark: boolean[][]): string {
  let path = "";
  dark.forEach((row, y) => {
    for (let x = 0; x < row.length; x++) {
      const from = x;
      while (row[x]) x++;
      if (x > from) path += `M${from + QUIET} ${y + QUIET}h${x - from}v1H${from + QUIET}z`;
    }
  });
  return path;
}
