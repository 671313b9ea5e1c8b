// hls.js ships no types for its light build; it has the same face as the full one, minus alternate audio, subtitles and DRM.
declare module "hls.js/light" {
  export * from "hls.js";
  export { default } from "hls.js";
}
