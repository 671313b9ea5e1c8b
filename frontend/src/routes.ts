import type { Component } from "svelte";
import Check from "./pages/Check.svelte";
import Doctor from "./pages/Doctor.svelte";
import Home from "./pages/Home.svelte";
import Hosts from "./pages/Hosts.svelte";
import Logs from "./pages/Logs.svelte";
import NotFound from "./pages/NotFound.svelte";
import Poster from "./pages/Poster.svelte";
import Settings from "./pages/Settings.svelte";
import Setup from "./pages/Setup.svelte";
import SignIn from "./pages/SignIn.svelte";
import SignUp from "./pages/SignUp.svelte";
import Stat from "./pages/Stat.svelte";
import Studio from "./pages/Studio.svelte";
import Watch from "./pages/Watch.svelte";

/** The map of the interface: path → page. account: only for somebody signed in; others go to the sign-in form and come back. */
interface Route {
  path: RegExp;
  page: Component<any>;
  title: string;
  account?: true;
  alone?: true; // without the top bar and the rail
}
const routes: Route[] = [
  { path: /^\/$/, page: Home, title: "Live now" },
  { path: /^\/@(?<name>[a-z0-9_-]+(?:@[a-z2-7]{16})?)$/i, page: Watch, title: "" },
  { path: /^\/hosts$/, page: Hosts, title: "Computers" },
  { path: /^\/doctor$/, page: Doctor, title: "Can others reach me?", account: true },
  { path: /^\/check$/, page: Check, title: "Check with your phone" },
  { path: /^\/studio$/, page: Studio, title: "Studio", account: true },
  { path: /^\/signin$/, page: SignIn, title: "Sign in" },
  { path: /^\/signup$/, page: SignUp, title: "Sign up" },
  { path: /^\/setup$/, page: Setup, title: "Set up" },
  { path: /^\/poster(?:\/@(?<name>[a-z0-9_@-]+))?$/i, page: Poster, title: "Poster", alone: true },
  { path: /^\/stat$/, page: Stat, title: "Stat" },
  { path: /^\/settings$/, page: Settings, title: "Settings" },
  { path: /^\/logs$/, page: Logs, title: "Log", account: true },
];

export interface Place {
  page: Component<any>;
  title: string;
  account: boolean;
  alone: boolean;
  props: Record<string, string>;
}

/**
 * The page for a path; NotFound when there is none. Names in the path and "next" after "?" become the page's props, and so does "path",
 * which makes a channel play over one path only, for tests and for comparing: push, hls (LL-HLS by hls.js) or native. "from" is the
 * host whose page led here, see lib/direct.ts; "code" the one of a phone check.
 */
export function place(path: string): Place {
  const [bare = "/", query = ""] = path.split("?");
  for (const r of routes) {
    const found = r.path.exec(bare);
    if (!found) continue;
    const name = found.groups?.name?.toLowerCase();
    const next = nextOf(query);
    const code = /(?:^|&)code=([A-Z2-7]{8})(?:&|$)/.exec(query)?.[1];
    const from = /(?:^|&)from=([a-z2-7]{16})(?:&|$)/.exec(query)?.[1];
    const path = /(?:^|&)path=(push|hls|native)(?:&|$)/.exec(query)?.[1];
    return { page: r.page, title: r.title || (name?.split("@")[0] ?? ""), account: r.account ?? false, alone: r.alone ?? false, props: { ...(name && { name }), ...(next && { next }), ...(path && { path }), ...(from && { from }), ...(code && { code }) } };
  }
  return { page: NotFound, title: "Not found", account: false, alone: false, props: {} };
}

/** Where to go after signing in: a path of ours, or nothing. */
function nextOf(query: string): string {
  const next = new URLSearchParams(query).get("next") ?? "";
  return /^\/[a-z@]/i.test(next) ? next : "";
}
