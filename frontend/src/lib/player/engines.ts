import type { EngineKind } from "./engine";
import { hlsKind } from "./hls-engine";
import { nativeKind } from "./native-engine";

/** The engines in order of preference; the first that works in this browser plays. A faster one goes to the front. */
export function engines(viewer: string): EngineKind[] {
  return [hlsKind(viewer), nativeKind];
}
