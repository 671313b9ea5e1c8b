// How late the picture is: node glass.mjs URL SETTLE COUNT. It opens a page with
// one <video>, lets it settle for so many seconds, with sound, and reads the
// clock that server/bench draws into COUNT pictures at the moment each of them
// is composited. Prints what it saw as one line of JSON; times in ms.
import { open } from './browser.mjs';

const [url, settle, count] = process.argv.slice(2);
const browser = await open();
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await page.addInitScript(listen);
  const began = Date.now();
  await page.goto(url);
  await page.waitForFunction(() => window.player()?.currentTime > 0, null, { timeout: 30_000 });
  const start = Date.now() - began;
  await page.keyboard.press('q'); // does nothing, but is the gesture that sound wants
  await page.evaluate(() => {
    const video = window.player();
    [video.muted, video.volume] = [false, 0.5];
    return video.play();
  });
  await page.waitForTimeout(Number(settle) * 1000);
  const seen = await page.evaluate(watch, Number(count));
  console.log(JSON.stringify({ start, ...seen }));
} finally {
  await browser.close();
}

// listen finds the player, and notes, for each picture of the push socket, by its time on the media
// clock: when the host had it, and when we did.
function listen() {
  window.player = () => document.querySelector('main video') ?? document.querySelector('video');
  window.heard = new Map();
  const note = (raw) => {
    const at = performance.timeOrigin + performance.now();
    if (!(raw instanceof ArrayBuffer)) return;
    const v = new DataView(raw);
    if (v.getUint8(0) !== 2) return;
    const host = v.getUint32(8) * 2 ** 32 + v.getUint32(12);
    const current = window.player()?.currentTime;
    // moof (mfhd 16, traf (tfhd with the track at 12, tfdt of version 1)), mdat; see server/cmaf.
    for (let o = 16; o + 68 < raw.byteLength; o += v.getUint32(o) + v.getUint32(o + v.getUint32(o))) {
      if (v.getUint32(o + 44) === 1) window.heard.set(Math.round(Number(v.getBigUint64(o + 60)) / 90), { host, at, current });
    }
  };
  window.WebSocket = class extends WebSocket {
    constructor(url, ...more) {
      super(url, ...more);
      if (new URL(url).pathname === '/push') this.addEventListener('message', (e) => note(e.data));
    }
  };
}

// watch returns one entry per picture: [ms since it was drawn, ms until the
// screen shows it, s buffered beyond it, and of push also: ms from drawing to
// host, host to page, and how far ahead of the playing position it came].
function watch(count) {
  const [columns, block] = [20, 16];
  const video = window.player();
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [columns * block, 2 * block];
  const g = canvas.getContext('2d', { willReadFrequently: true });
  const read = () => {
    g.drawImage(video, 0, 0, canvas.width, canvas.height, 0, 0, canvas.width, canvas.height);
    const pixels = g.getImageData(0, 0, canvas.width, canvas.height).data;
    const bit = (i) => {
      const [x, y] = [(i % columns) * block + block / 2, Math.floor(i / columns) * block + block / 2];
      return pixels[4 * (y * canvas.width + x)] > 127 ? 1 : 0;
    };
    let [time, sum] = [0, 0];
    for (let i = 0; i < 32; i++) time = time * 2 + bit(i);
    for (let i = 32; i < 40; i++) sum = sum * 2 + bit(i);
    const right = ((time >>> 24) + (time >>> 16) + (time >>> 8) + time) % 256 === sum;
    return right ? time : undefined;
  };
  return new Promise((resolve) => {
    const pictures = [];
    let [unread, stalls] = [0, 0];
    const quality = () => video.getVideoPlaybackQuality();
    const [dropped, frames] = [quality().droppedVideoFrames, quality().totalVideoFrames];
    video.addEventListener('waiting', () => stalls++);
    const done = () =>
      resolve({ pictures, unread, stalls, muted: video.muted,
        dropped: quality().droppedVideoFrames - dropped, frames: quality().totalVideoFrames - frames });
    const limit = setTimeout(done, count * 100);
    const step = (_, meta) => {
      const now = performance.timeOrigin + performance.now();
      const drawn = read();
      if (drawn === undefined) unread++;
      else {
        const since = (t) => (((Math.floor(t) % 2 ** 32) - drawn) | 0) + (t % 1);
        const b = video.buffered;
        const entry = [since(now), performance.timeOrigin + meta.expectedDisplayTime - now, b.length ? b.end(b.length - 1) - meta.mediaTime : 0];
        const m = window.heard.get(Math.round(meta.mediaTime * 1000));
        if (m) entry.push(since(m.host), m.at - m.host, (meta.mediaTime - m.current) * 1000);
        pictures.push(entry);
      }
      if (pictures.length < count) video.requestVideoFrameCallback(step);
      else {
        clearTimeout(limit);
        done();
      }
    };
    video.requestVideoFrameCallback(step);
  });
}
