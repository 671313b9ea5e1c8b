// Above this a viewer who joins or jumps waits noticeably. 2 s is what OBS users are usually told to set; some encoders come out a little over.
const LONG = 2.5; // s

/** What to tell a streamer about the distance of key frames (s, 0 = not known yet); undefined when there is nothing to say. */
export function keyAdvice(interval: number): { title: string; hint: string } | undefined {
  if (interval <= LONG) return undefined;
  return {
    title: `Key frames come every ${interval.toFixed(1)} s: new viewers wait for one.`,
    hint: "In OBS: Settings → Output, Output Mode “Advanced”, Keyframe Interval 1 s. It takes effect at the next start.",
  };
}
