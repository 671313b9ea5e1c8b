import { expect, it } from "vitest";
import { viewerId } from "./viewer";

it("gives each player an id of its own, long enough for the host to take", () => {
  const ids = Array.from({ length: 100 }, viewerId);
  expect(new Set(ids).size).toBe(100);
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{24}$/);
});
