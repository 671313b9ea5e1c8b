// The words of the API under the names the pages use. The shapes are the server's: schema.d.ts is generated, see `npm run types`.
import type { components } from "./schema";

type Schemas = components["schemas"];

export type Entry = Schemas["Entry"];
export type State = Entry["state"];
export type Me = Schemas["Me"];
export type House = Schemas["Server"];
export type Addresses = Schemas["Addresses"];
export type Address = Schemas["Address"];
export type SignUp = House["signUp"];
export type Channel = Schemas["Channel"];
export type OwnChannel = Schemas["MyChannel"];
export type Publisher = Schemas["Publisher"];
export type Key = Schemas["Key"];
export type FreshKey = Schemas["KeyAndSecret"];
export type Invite = Schemas["Invite"];
export type Host = Schemas["Host"];
export type Hosts = Schemas["Hosts"];
export type Report = Schemas["Report"];
export type Verdict = Schemas["Verdict"];
export type Visit = Schemas["Visit"];
export type Told = Schemas["Told"];
export type Event = Schemas["Event"];
export type Code = Schemas["Problem"]["code"];
export type Figures = Schemas["Figures"];
export type StreamFigures = Schemas["StreamFigures"];
export type Series = Schemas["Series"];
export type Coach = Schemas["Coach"];
export type Advice = Schemas["Advice"];
export type Budget = Schemas["Budget"];
export type Broadcast = Schemas["Broadcast"];
export type LastBroadcast = Schemas["PublicBroadcast"];
export type Logs = Schemas["Logs"];
export type LogRecord = Schemas["LogRecord"];
