import { render } from "@testing-library/svelte";
import type { Component } from "svelte";
import type { App } from "../context";
import { desktopWith } from "../desktop";
import { Clock } from "../state/clock.svelte";
import { Guide } from "../state/guide.svelte";
import { House } from "../state/house.svelte";
import { PlayerPrefs } from "../state/player-prefs.svelte";
import { Router } from "../state/router.svelte";
import { Session } from "../state/session.svelte";
import { Theme } from "../state/theme.svelte";
import { FakeApi } from "./fake-api";
import Page from "./Page.svelte";

/** All parts as main.ts makes them, over a fake host that knows its facts already. */
export async function parts(api = new FakeApi(), claim = "", token = ""): Promise<App> {
  const made: App = {
    api,
    claim,
    early: undefined,
    session: new Session(api),
    house: new House(api),
    guide: new Guide(),
    clock: new Clock(),
    theme: new Theme(document.documentElement),
    prefs: new PlayerPrefs(),
    router: new Router(),
    desktop: desktopWith(token, api),
  };
  await made.house.load();
  await made.session.load();
  made.guide.set(api.entries);
  made.guide.setConnected(true);
  return made;
}

/** Renders one page over these parts. */
export function open(page: Component<any>, app: App, props: object = {}) {
  return render(Page, { props: { parts: app, page, props } });
}
