import { mount } from "svelte";
import App from "./App.svelte";
import { httpApi } from "./lib/api/client";
import { Events } from "./lib/api/events";
import { socketUrl } from "./lib/api/socket";
import { early } from "./first";
import type { App as Parts } from "./lib/context";
import { catchLinks, desktopWith } from "./lib/desktop";
import { Direct } from "./lib/direct";
import { statByPath, takeFragment } from "./lib/fragment";
import { Clock } from "./lib/state/clock.svelte";
import { Guide } from "./lib/state/guide.svelte";
import { House } from "./lib/state/house.svelte";
import { PlayerPrefs } from "./lib/state/player-prefs.svelte";
import { Router } from "./lib/state/router.svelte";
import { Session } from "./lib/state/session.svelte";
import { Theme } from "./lib/state/theme.svelte";
import "./styles/base.css";

/** The composition root: every part but early is made here, once, and handed to the pages by context. */
function main() {
  statByPath(window);
  const handed = takeFragment(window); // before the router looks at the address
  const clock = new Clock();
  const api = httpApi(location.origin, (date) => clock.correct(date));
  const guide = new Guide();
  const parts: Parts = {
    api,
    clock,
    guide,
    session: new Session(api),
    house: new House(api),
    theme: new Theme(document.documentElement),
    prefs: new PlayerPrefs(),
    router: new Router(),
    desktop: desktopWith(handed.desktop, api),
    claim: handed.claim,
    early,
  };

  mount(App, { target: document.getElementById("app")!, props: { parts } });

  parts.router.run();
  clock.run();
  catchLinks(parts.desktop, document);
  new Direct(parts).run(document);
  new Events(socketUrl(location, "/api/events"), guide, parts.house).run();
}

if (early) void early.begun.then(main);
else main();
