import type { EngineKind } from "./engine";
import { hlsKind } from "./hls-engine";
import { fallbackKind } from "./fallback-engine";
import { nativeKind } from "./native-engine";
import { pushKind } from "./push-engine";

/** The engines in order of preference; the first that works in this browser plays. A faster one goes to the front. */
export function engines(viewer: string): EngineKind[] {
  return [fallbackKind(pushKind(viewer), hlsKind(viewer)), hlsKind(viewer), nativeKind];
}
