import type { Api } from "../api/client";
import { ApiError, type Code } from "../api/error";
import type { Addresses, Broadcast, Channel, Coach, Entry, Figures, Host, House, Key, LogRecord, Me, OwnChannel, Report, Series, StreamFigures, Told, Verdict, Visit } from "../api/types";

/** A channel as the guide tells it; live unless said otherwise. */
export function entry(channel: string, change: Partial<Entry> = {}): Entry {
  const on = { state: "live", since: new Date(Date.now() - 65_000).toISOString(), viewers: 3, width: 1920, height: 1080, fps: 60 } as const;
  const off = { state: "offline", since: null, viewers: 0, width: 0, height: 0, fps: 0 } as const;
  const base = change.state === "offline" ? off : on;
  const here = { host: "", hostId: "", words: "", warning: "", presence: "here", goneSince: null, address: "" } as const;
  return { channel, name: channel, title: "", category: "", videoCodec: "H.264", audioCodec: "AAC", bitrate: 6_000_000, picture: 1, ...here, ...base, ...change };
}

export const kimsId = "aaaaaaaaaaaaaaaa";

/** A channel on Kim's laptop, another computer of the network. */
export function away(name: string, change: Partial<Entry> = {}): Entry {
  return entry(`${name}@${kimsId}`, { name, host: "Kim's laptop", hostId: kimsId, words: "amber fox quiet lamp", address: "http://192.168.1.7:5175", ...change });
}

/** Kim's laptop, as the page of computers shows it. */
export function host(change: Partial<Host> = {}): Host {
  return { id: kimsId, name: "Kim's laptop", words: "amber fox quiet lamp", version: "1.2.3", address: "192.168.1.7:5175", presence: "here", since: new Date().toISOString(), typed: false, warning: "", instead: "", channels: 1, ...change };
}

/** Where a host with this IP on its Wi-Fi is reached. */
export function addresses(ip: string): Addresses {
  const wifi = { kind: "wifi", adapter: "wlan0", best: true } as const;
  const here = { kind: "here", adapter: "", best: false } as const;
  return {
    watch: [{ url: `http://${ip}:5175`, ...wifi }, { url: "http://127.0.0.1:5175", ...here }],
    publish: [{ url: `rtmp://${ip}:1935/live`, ...wifi }, { url: "rtmp://127.0.0.1:1935/live", ...here }],
  };
}

/** What the doctor found: nothing in the way, unless said otherwise. */
export function report(...verdicts: Verdict[]): Report {
  const worst = verdicts.find((v) => v.state === "fail") ?? verdicts.find((v) => v.state === "warn");
  return { at: "2026-01-01T00:00:00Z", version: "1.2.3", os: "linux", state: worst?.state ?? "ok", says: worst ? `Others cannot reach you yet. ${worst.says}` : "Others can reach you.", verdicts, text: "echo.tv 1.2.3 on linux" };
}

/** A phone check that nobody came to yet. */
export function visit(change: Partial<Visit> = {}): Visit {
  const step = (id: "page" | "socket" | "plays", title: string) => ({ id, title, state: "waiting" as const });
  return {
    code: "ABCDEFGH", url: "http://192.168.1.20:5175/#/check?code=ABCDEFGH", expires: "2026-01-01T00:10:00Z", state: "unknown",
    steps: [step("page", "Page reached"), step("socket", "WebSocket"), step("plays", "Plays the test stream")],
    back: { id: "back", title: "From here to the phone", state: "waiting" }, says: "Scan the code with a phone that is on the same network.", ...change,
  };
}

/** What goes through one stream; live and watched by five unless said otherwise. */
export function stream(channel: string, change: Partial<StreamFigures> = {}): StreamFigures {
  return {
    channel, host: "", state: "live", publishing: true, since: new Date(Date.now() - 3_600_000).toISOString(), seconds: 3600,
    bytesIn: 2_700_000_000, bytesOut: 9_000_000_000, bitsIn: 6_160_000, bitsVideo: 6_000_000, bitsAudio: 160_000, bitsOut: 30_500_000, bitsNow: 6_200_000,
    picture: { codec: "H.264", profile: "High", level: 4.2, width: 1920, height: 1080, fps: 60, keyInterval: 1, frames: 216_000 },
    sound: { codec: "AAC", profile: "LC", sampleRate: 48000, channels: 2, frames: 168_750 },
    dropped: 0, viewers: 5, viewersBy: { push: 4, hls: 0, ts: 1, rtsp: 0, rtmp: 0, peer: 0 },
    bytesBy: { push: 8_000_000_000, hls: 0, ts: 1_000_000_000, rtsp: 0, rtmp: 0, peer: 0 }, address: "", encoder: "", key: "", ...change,
  };
}

/** All of a host: its sums are those of its streams. */
export function flow(...streams: StreamFigures[]): Figures {
  const sum = (of: (s: StreamFigures) => number) => streams.reduce((n, s) => n + of(s), 0);
  const by = (of: (s: StreamFigures) => StreamFigures["viewersBy"]) => ({
    push: sum((s) => of(s).push), hls: sum((s) => of(s).hls), ts: sum((s) => of(s).ts), rtsp: sum((s) => of(s).rtsp), rtmp: sum((s) => of(s).rtmp), peer: sum((s) => of(s).peer),
  });
  return {
    streams, details: false,
    host: {
      version: "1.2.3", uptime: 7200, accepted: 3, bytesIn: sum((s) => s.bytesIn), bytesOut: sum((s) => s.bytesOut), bitsIn: sum((s) => s.bitsIn), bitsOut: sum((s) => s.bitsOut),
      viewers: sum((s) => s.viewers), viewersBy: by((s) => s.viewersBy), bytesBy: by((s) => s.bytesBy),
    },
  };
}

/** A host that answers from memory by the rules a page relies on. Tests set its fields and read them afterwards. */
export class FakeApi implements Api {
  house_: House = { id: "s".repeat(16), name: "kims-pc", version: "1.2.3", setUp: true, signUp: "open", addresses: addresses("192.168.1.20") };
  user: Me | null = null;
  claimCode = "right-code";
  password = "correct horse";
  entries: Entry[] = [];
  secrets: Record<string, string> = {};
  keyList: Key[] = [];
  profile: Channel = { name: "ann", title: "Old title", category: "" };
  publisher: OwnChannel["publisher"] = null;
  testing = false;
  figures: Series = { at: [], bitrate: [], fps: [], viewers: [], keyInterval: [], late: [] };
  coached: Coach = { health: "off", advice: [], budget: { basis: "unknown", kind: "unknown", mbit: 0, carries: 0, used: 0, viewers: 0, near: false } };
  flow: Figures = flow();
  self: Host = host({ id: "s".repeat(16), name: "kims-pc", words: "stone river late bell", address: "192.168.1.20:5175" });
  hostList: Host[] = [];
  past: Broadcast[] = [];
  records: LogRecord[] = [];
  report: Report = report();
  visit: Visit = visit();
  told: Told[] = [];
  refusal: ApiError | undefined; // the next call fails with this
  opened: { url: string; token: string }[] = [];
  #made = 0;

  /** The next call is refused. */
  refuse(code: Code, message: string, hint = "") {
    this.refusal = new ApiError(code, message, hint);
  }
  async #answer<T>(value: () => T): Promise<T> {
    const no = this.refusal;
    this.refusal = undefined;
    if (no) throw no;
    return value();
  }
  #signIn(name: string, role: Me["role"]): Me {
    return (this.user = { name, role, created: "2026-01-01T00:00:00Z" });
  }

  house = () => this.#answer(() => this.house_);
  session = () => this.#answer(() => this.user);
  signIn = (name: string, password: string) =>
    this.#answer(() => {
      if (password !== this.password) throw new ApiError("unauthenticated", "name or password is wrong");
      return this.#signIn(name, "streamer");
    });
  signUp = (name: string, _password: string, invite: string) =>
    this.#answer(() => {
      if (this.house_.signUp === "invite" && invite !== "invited") throw new ApiError("forbidden", "that invite code is not valid");
      return this.#signIn(name, "streamer");
    });
  claim = (code: string, name: string) =>
    this.#answer(() => {
      if (code !== this.claimCode) throw new ApiError("forbidden", "that code is wrong", "take the one that echo.tv shows now");
      this.house_ = { ...this.house_, setUp: true };
      return this.#signIn(name, "owner");
    });
  signOut = () => this.#answer(() => void (this.user = null));
  changePassword = (old: string, fresh: string) =>
    this.#answer(() => {
      if (old !== this.password) throw new ApiError("forbidden", "the current password is wrong");
      this.password = fresh;
    });
  ownChannel = () => this.#answer(() => ({ channel: this.profile, entry: this.#entry(this.profile.name), publisher: this.publisher, testing: this.testing }));
  startTest = () => this.#answer(() => void (this.testing = true));
  stopTest = () => this.#answer(() => void (this.testing = false));
  setChannel = (change: { title: string; category: string }) => this.#answer(() => (this.profile = { ...this.profile, ...change }));
  keys = () => this.#answer(() => this.keyList);
  newKey = (label: string) => this.#answer(() => this.#make(`k${++this.#made}`, label));
  revealKey = (id: string) => this.#answer(() => this.secrets[id]!);
  rotateKey = (id: string) => this.#answer(() => this.#make(id, this.keyList.find((k) => k.id === id)!.label));
  revokeKey = (id: string) => this.#answer(() => void (this.keyList = this.keyList.filter((k) => k.id !== id)));
  channels = () => this.#answer(() => this.entries);
  channel = (name: string) => this.#answer(() => this.#entry(name));
  series = (_name: string, after: number) => this.#answer(() => newer(this.figures, after));
  stat = () => this.#answer(() => this.flow);
  coach = () => this.#answer(() => this.coached);
  broadcasts = () => this.#answer(() => this.past);
  lastBroadcast = (_name: string) => this.#answer(() => this.past[0] ?? null);
  logs = (after: number) => this.#answer(() => ({ records: this.records.filter((r) => r.seq > after), last: this.records.at(-1)?.seq ?? after }));
  setSettings = (s: { signUp: House["signUp"]; name?: string }) => this.#answer(() => void (this.house_ = { ...this.house_, ...s }));
  newInvite = () => this.#answer(() => ({ code: "k7xq-42vn", expires: "2026-01-02T00:00:00Z" }));
  hosts = () => this.#answer(() => ({ self: this.self, hosts: this.hostList }));
  addHost = (address: string) =>
    this.#answer(() => {
      const found = host({ address, typed: true });
      this.hostList = [...this.hostList, found];
      return found;
    });
  forgetHost = (id: string) => this.#answer(() => void (this.hostList = this.hostList.filter((h) => h.id !== id)));
  examine = () => this.#answer(() => this.report);
  beginCheck = () => this.#answer(() => this.visit);
  check = () => this.#answer(() => this.visit);
  tellCheck = (code: string, told: Told) =>
    this.#answer(() => {
      if (code !== this.visit.code) throw new ApiError("not_found", "this check is over", "start a new one on the host's screen and scan again");
      this.told.push(told);
      return this.visit;
    });
  openOutside = (url: string, token: string) => this.#answer(() => void this.opened.push({ url, token }));

  /** Puts a key there, as if made long ago. */
  giveKey(id: string, label: string, secret: string) {
    this.secrets[id] = secret;
    this.keyList = [...this.keyList, { id, label, redacted: "live…", created: "2026-01-01T00:00:00Z", lastUsed: null }];
  }
  #make(id: string, label: string) {
    const secret = `live_secret${++this.#made}`;
    const key: Key = { id, label, redacted: "secr…", created: "2026-01-01T00:00:00Z", lastUsed: null };
    this.secrets[id] = secret;
    this.keyList = [...this.keyList.filter((k) => k.id !== id), key];
    return { key, secret };
  }
  #entry(name: string): Entry {
    const found = this.entries.find((e) => e.channel === name);
    if (found) return found;
    if (name === this.profile.name) return entry(name, { state: "offline" });
    throw new ApiError("not_found", "nobody has that name");
  }
}

function newer(s: Series, after: number): Series {
  const from = s.at.findIndex((t) => t > after);
  const cut = (all: number[]) => (from < 0 ? [] : all.slice(from));
  return { at: cut(s.at), bitrate: cut(s.bitrate), fps: cut(s.fps), viewers: cut(s.viewers), keyInterval: cut(s.keyInterval), late: cut(s.late) };
}
