import { expect, it, vi } from "vitest";
import { catchLinks, desktopWith } from "./desktop";
import { FakeApi } from "./test/fake-api";

function click(href: string, target = ""): boolean {
  const link = document.createElement("a");
  link.href = href;
  link.target = target;
  link.innerHTML = "<b>words</b>";
  document.body.append(link);
  const e = new MouseEvent("click", { bubbles: true, cancelable: true });
  link.firstElementChild!.dispatchEvent(e);
  link.remove();
  return e.defaultPrevented;
}

it("sends links that leave the host to the system's browser, from the window only", () => {
  const api = new FakeApi();
  const stop = catchLinks(desktopWith("token", api), document);
  expect(click("http://elsewhere.example/x")).toBe(true);
  expect(api.opened).toEqual([{ url: "http://elsewhere.example/x", token: "token" }]);
  expect(click("http://127.0.0.1:5175/#/studio")).toBe(false);
  stop();

  const without = catchLinks(desktopWith("", api), document);
  click("http://elsewhere.example/y");
  expect(api.opened).toHaveLength(1);
  without();
});

it("opens a new tab in a browser", async () => {
  const open = vi.spyOn(window, "open").mockReturnValue(null);
  const desktop = desktopWith("", new FakeApi());
  expect(desktop.here).toBe(false);
  await desktop.open("http://x/");
  expect(open).toHaveBeenCalledWith("http://x/", "_blank", "noopener");
});
