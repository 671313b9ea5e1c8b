/** Whether this is WebKitGTK on Linux, where the decoders are the system's GStreamer plugins and may be missing. */
export function linuxWebKit(userAgent: string): boolean {
  return /Linux/.test(userAgent) && /AppleWebKit/.test(userAgent) && !/Chrome|Chromium|Android/.test(userAgent);
}
