import { createContext } from "svelte";
import type { Api } from "./api/client";
import type { Desktop } from "./desktop";
import type { Early } from "./player/early";
import type { Clock } from "./state/clock.svelte";
import type { Guide } from "./state/guide.svelte";
import type { House } from "./state/house.svelte";
import type { PlayerPrefs } from "./state/player-prefs.svelte";
import type { Router } from "./state/router.svelte";
import type { Session } from "./state/session.svelte";
import type { Theme } from "./state/theme.svelte";

/** Everything a page may need. Made once in main.ts (early in first.ts); a test makes its own. */
export interface App {
  api: Api;
  session: Session;
  house: House;
  guide: Guide;
  clock: Clock;
  theme: Theme;
  prefs: PlayerPrefs;
  router: Router;
  desktop: Desktop;
  early: Early | undefined; // the channel of the address, tuned in before all this was here
  claim: string; // the one-time code from the address; "" when there was none
}

const [get, set] = createContext<App>();
export const useApp = get;
export const provideApp = set; // answers with what it was given
