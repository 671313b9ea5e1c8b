import type { Early } from "./early";
import type { EngineKind } from "./engine";
import { hlsKind } from "./hls-engine";
import { fallbackKind } from "./fallback-engine";
import { nativeKind } from "./native-engine";
import { pushKind } from "./push-engine";

/**
 * The engines in order of preference; the first that works in this browser plays. A faster one goes to the front. only: the one path
 * that is wanted, see place in routes.ts. early: a push engine that runs already.
 */
export function engines(viewer: string, only = "", early?: Early): EngineKind[] {
  const [push, hls] = [pushKind(viewer, early), hlsKind(viewer)];
  const alone = { push, hls, native: nativeKind }[only];
  return alone ? [alone] : [fallbackKind(push, hls), hls, nativeKind];
}
