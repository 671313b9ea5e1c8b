import { channelIn } from "./lib/fragment";
import { Early } from "./lib/player/early";

// What runs first, in a file of its own: who came for a channel is tuned in to it while the rest of the code is on its way. main.ts goes on with it.
const channel = channelIn(location.hash);
export const early = channel === undefined ? undefined : Early.begin(channel);
