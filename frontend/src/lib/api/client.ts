import createClient from "openapi-fetch";
import { ApiError, type Code } from "./error";
import type { paths } from "./schema";
import type { Broadcast, Channel, Coach, Entry, Figures, FreshKey, Host, Hosts, House, Invite, Key, LastBroadcast, Logs, Me, OwnChannel, Report, Series, SignUp, Told, Visit } from "./types";

/** Every question a page can ask the host. Each call answers, or throws an ApiError. */
export interface Api {
  house(): Promise<House>;
  session(): Promise<Me | null>;
  signIn(name: string, password: string): Promise<Me>;
  signUp(name: string, password: string, invite: string): Promise<Me>;
  claim(code: string, name: string, password: string): Promise<Me>;
  signOut(): Promise<void>;
  changePassword(old: string, fresh: string): Promise<void>;
  ownChannel(): Promise<OwnChannel>;
  setChannel(change: { title: string; category: string }): Promise<Channel>;
  startTest(): Promise<void>; // puts the test picture on the own channel
  stopTest(): Promise<void>;
  keys(): Promise<Key[]>;
  newKey(label: string): Promise<FreshKey>;
  revealKey(id: string): Promise<string>;
  rotateKey(id: string): Promise<FreshKey>;
  revokeKey(id: string): Promise<void>;
  channels(): Promise<Entry[]>;
  channel(name: string): Promise<Entry>;
  series(name: string, after: number): Promise<Series>; // seconds since 1970
  stat(): Promise<Figures>;
  coach(): Promise<Coach>;
  broadcasts(): Promise<Broadcast[]>; // the own ones, the newest first
  lastBroadcast(name: string): Promise<LastBroadcast | null>;
  logs(after: number): Promise<Logs>;
  setSettings(settings: { signUp: SignUp; name?: string }): Promise<void>;
  newInvite(): Promise<Invite>;
  hosts(): Promise<Hosts>;
  addHost(address: string): Promise<Host>;
  forgetHost(id: string): Promise<void>;
  examine(): Promise<Report>;
  beginCheck(): Promise<Visit>;
  check(code: string): Promise<Visit>;
  tellCheck(code: string, told: Told): Promise<Visit>;
  openOutside(url: string, token: string): Promise<void>;
}

type Answer<T> = Promise<{ data?: T; error?: unknown; response: Response }>;

/** The API over HTTP, typed by the server's own description of it. heard gets the Date header of each answer. */
export function httpApi(origin: string, heard: (date: string | null) => void = () => {}): Api {
  const client = createClient<paths>({ baseUrl: origin, cache: "no-store", headers: { "Content-Type": "application/json" } });

  async function ask<T>(answer: Answer<T>): Promise<T> {
    const { data, error, response } = await answer.catch(() => {
      throw new ApiError("unreachable", "The host does not answer", "Is echo.tv still running there, and are you on the same network?");
    });
    heard(response.headers.get("Date"));
    if (!response.ok) throw problem(error, response);
    return data as T;
  }

  return {
    house: () => ask(client.GET("/api/server")),
    session: async () => (await ask(client.GET("/api/session"))).user ?? null,
    signIn: async (name, password) => (await ask(client.POST("/api/session", { body: { name, password } }))).user!,
    signUp: (name, password, invite) => ask(client.POST("/api/users", { body: { name, password, ...(invite && { invite }) } })),
    claim: (code, name, password) => ask(client.POST("/api/owner", { body: { code, name, password } })),
    signOut: () => ask(client.DELETE("/api/session")),
    changePassword: (old, fresh) => ask(client.PUT("/api/me/password", { body: { old, new: fresh } })),
    ownChannel: () => ask(client.GET("/api/me/channel")),
    setChannel: (change) => ask(client.PATCH("/api/me/channel", { body: change })),
    startTest: async () => void (await ask(client.POST("/api/me/test-stream"))),
    stopTest: async () => void (await ask(client.DELETE("/api/me/test-stream"))),
    keys: async () => (await ask(client.GET("/api/me/keys"))).keys,
    newKey: (label) => ask(client.POST("/api/me/keys", { body: { label } })),
    revealKey: async (id) => (await ask(client.POST("/api/me/keys/{id}/reveal", { params: { path: { id } } }))).secret,
    rotateKey: (id) => ask(client.POST("/api/me/keys/{id}/rotate", { params: { path: { id } } })),
    revokeKey: (id) => ask(client.DELETE("/api/me/keys/{id}", { params: { path: { id } } })),
    channels: async () => (await ask(client.GET("/api/channels"))).channels,
    channel: (name) => ask(client.GET("/api/channels/{name}", { params: { path: { name } } })),
    series: (name, after) => ask(client.GET("/api/channels/{name}/series", { params: { path: { name }, query: { after } } })),
    stat: () => ask(client.GET("/stat.json")),
    coach: () => ask(client.GET("/api/me/coach")),
    broadcasts: async () => (await ask(client.GET("/api/me/broadcasts"))).broadcasts,
    lastBroadcast: async (name) => (await ask(client.GET("/api/channels/{name}/broadcast", { params: { path: { name } } }))).last,
    logs: (after) => ask(client.GET("/api/logs", { params: { query: { after } } })),
    setSettings: async (settings) => void (await ask(client.PUT("/api/settings", { body: settings }))),
    newInvite: () => ask(client.POST("/api/invites")),
    hosts: () => ask(client.GET("/api/hosts")),
    addHost: (address) => ask(client.POST("/api/hosts", { body: { address } })),
    forgetHost: (id) => ask(client.DELETE("/api/hosts/{id}", { params: { path: { id } } })),
    examine: () => ask(client.GET("/api/doctor")),
    beginCheck: () => ask(client.POST("/api/doctor/checks")),
    check: (code) => ask(client.GET("/api/doctor/checks/{code}", { params: { path: { code } } })),
    tellCheck: (code, body) => ask(client.POST("/api/doctor/checks/{code}/steps", { params: { path: { code } }, body })),
    openOutside: (url, token) => ask(client.POST("/api/desktop/open", { body: { url }, params: { header: { "X-Echotv-Desktop": token } } })),
  };
}

/** The one place where the server's problem JSON becomes an error of ours. */
function problem(body: unknown, response: Response): ApiError {
  const p = (typeof body === "object" && body ? body : {}) as { code?: Code; detail?: string; hint?: string };
  const wait = Number(response.headers.get("Retry-After")) || 0;
  const hint = p.hint ?? (wait ? `Try again in ${wait} s` : "");
  return new ApiError(p.code ?? "internal", p.detail ?? `The host answered ${response.status}`, hint, wait);
}
