// What the journeys share: Debian's Chromium, and a look at what a <video> shows.
import { chromium } from 'playwright-core';

// The background flags keep Chromium from calling home, which a closed network
// refuses; autoplay without a gesture is what our player asks for anyway, muted.
const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync',
  '--disable-background-networking', '--disable-component-update'];

export const open = (options = {}) =>
  chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args, ...options });

// look draws the picture small and returns how bright its brightest spot is,
// and a fingerprint that differs when the picture does.
export const look = (page) =>
  page.evaluate(() => {
    const video = document.querySelector('video[data-player], main video') ?? document.querySelector('video');
    if (!video) return { time: 0, frames: 0, brightest: 0, print: '' };
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [48, 27];
    const g = canvas.getContext('2d');
    g.drawImage(video, 0, 0, 48, 27);
    const pixels = g.getImageData(0, 0, 48, 27).data;
    return {
      time: video.currentTime,
      frames: video.getVideoPlaybackQuality().totalVideoFrames,
      brightest: Math.max(...pixels.filter((_, i) => i % 4 !== 3)),
      print: pixels.filter((_, i) => i % 16 === 0).join(),
    };
  });

// playing waits until time and frames move and the picture is neither black nor
// still, and returns how long that took, in seconds.
export async function playing(page, limit = 20_000) {
  const began = Date.now();
  let last = await look(page);
  while (Date.now() - began < limit) {
    await page.waitForTimeout(250);
    const now = await look(page);
    if (now.time > last.time && now.frames > last.frames && now.brightest > 60 && now.print !== last.print) {
      return (Date.now() - began) / 1000;
    }
    last = now;
  }
  throw new Error(`the picture does not move: ${JSON.stringify({ ...last, print: undefined })}`);
}

// say tells the test that started us what just happened, and go waits for its word.
export const say = (at, facts = {}) => console.log(JSON.stringify({ at, ...facts }));

export const go = () => new Promise((resolve) => process.stdin.once('data', resolve));
