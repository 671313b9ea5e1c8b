import { StepError } from "./line";

const ENOUGH = 2.5; // s of picture: the clip is ten seconds long, and what a phone cannot play fails in the first
const PATIENCE = 12_000; // ms; the clip is small

/** Plays the test stream and answers with the milliseconds until it moved, once some seconds were shown. Call stop to give up. */
export function plays(video: HTMLVideoElement, url: string): { done: Promise<number>; stop: () => void } {
  const began = performance.now();
  let first = 0;
  let stop = () => {};
  const done = new Promise<number>((resolve, reject) => {
    const timer = setTimeout(() => finish(() => reject(new StepError(video.currentTime > 0 ? "slow" : "silent"))), PATIENCE);
    const moved = () => {
      if (video.currentTime > 0) first ||= performance.now() - began;
      if (video.currentTime >= ENOUGH) finish(() => resolve(Math.max(1, Math.round(first))));
    };
    const failed = () => finish(() => reject(new StepError(whyNot(video))));
    function finish(then: () => void) {
      clearTimeout(timer);
      video.removeEventListener("timeupdate", moved);
      video.removeEventListener("error", failed);
      then();
    }
    stop = () => finish(() => {});
    video.addEventListener("timeupdate", moved);
    video.addEventListener("error", failed);
    video.muted = true;
    video.src = url;
    void video.play().catch((e: DOMException) => e.name === "NotAllowedError" && finish(() => reject(new StepError("refused"))));
  });
  return { done, stop: () => stop() };
}

/** Without a decoder for H.264 a file that is there looks like one that is not; so the browser is asked. */
function whyNot(video: HTMLVideoElement): "format" | "slow" | "missing" {
  if (video.error?.code === MediaError.MEDIA_ERR_NETWORK) return "slow";
  if (video.error?.code === MediaError.MEDIA_ERR_DECODE || !video.canPlayType('video/mp4; codecs="avc1.42E01E,mp4a.40.2"')) return "format";
  return "missing";
}
