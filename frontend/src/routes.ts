import type { Component } from "svelte";
import { channelPath } from "./lib/fragment";
import Home from "./pages/Home.svelte";
import NotFound from "./pages/NotFound.svelte";
import Watch from "./pages/Watch.svelte";

/** What viewers come for is here already; the other pages are fetched when somebody goes there. */
type Page = () => Module | Promise<Module>;
interface Module {
  default: Component<any>;
}

/** The map of the interface: path → page. account: only for somebody signed in; others go to the sign-in form and come back. */
interface Route {
  path: RegExp;
  page: Page;
  title: string;
  account?: true;
  alone?: true; // without the top bar and the rail
}
const routes: Route[] = [
  { path: /^\/$/, page: () => ({ default: Home }), title: "Live now" },
  { path: channelPath, page: () => ({ default: Watch }), title: "" },
  { path: /^\/hosts$/, page: () => import("./pages/Hosts.svelte"), title: "Computers" },
  { path: /^\/doctor$/, page: () => import("./pages/Doctor.svelte"), title: "Can others reach me?", account: true },
  { path: /^\/check$/, page: () => import("./pages/Check.svelte"), title: "Check with your phone" },
  { path: /^\/studio$/, page: () => import("./pages/Studio.svelte"), title: "Studio", account: true },
  { path: /^\/signin$/, page: () => import("./pages/SignIn.svelte"), title: "Sign in" },
  { path: /^\/signup$/, page: () => import("./pages/SignUp.svelte"), title: "Sign up" },
  { path: /^\/setup$/, page: () => import("./pages/Setup.svelte"), title: "Set up" },
  { path: /^\/poster(?:\/@(?<name>[a-z0-9_@-]+))?$/i, page: () => import("./pages/Poster.svelte"), title: "Poster", alone: true },
  { path: /^\/stat$/, page: () => import("./pages/Stat.svelte"), title: "Stat" },
  { path: /^\/settings$/, page: () => import("./pages/Settings.svelte"), title: "Settings" },
  { path: /^\/logs$/, page: () => import("./pages/Logs.svelte"), title: "Log", account: true },
];

export interface Place {
  page: Page;
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
  return { page: () => ({ default: NotFound }), title: "Not found", account: false, alone: false, props: {} };
}

/** Where to go after signing in: a path of ours, or nothing. */
function nextOf(query: string): string {
  const next = new URLSearchParams(query).get("next") ?? "";
  return /^\/[a-z@]/i.test(next) ? next : "";
}
