import { expect, it } from "vitest";
import { socketUrl } from "./socket";

it("follows the page's scheme", () => {
  expect(socketUrl({ protocol: "http:", host: "192.168.1.20:5175" }, "/push")).toBe("ws://192.168.1.20:5175/push");
  expect(socketUrl({ protocol: "https:", host: "tv.example" }, "/api/events")).toBe("wss://tv.example/api/events");
});
