import { expect, it } from "vitest";
import { nameProblem, passwordProblem } from "./rules";

it.each(["ann", "Ann_2", "0-0", "a".repeat(24)])("takes the name %s", (name) => expect(nameProblem(name)).toBe(""));
it.each(["", "a", "_ann", "a b", "a/b", "ännchen", "a".repeat(25)])("refuses the name %j", (name) => expect(nameProblem(name)).not.toBe(""));

it("counts a password in bytes, as the host does", () => {
  expect(passwordProblem("1234567")).not.toBe("");
  expect(passwordProblem("ääää")).toBe("");
  expect(passwordProblem("x".repeat(256))).toBe("");
  expect(passwordProblem("ä".repeat(129))).not.toBe("");
});
