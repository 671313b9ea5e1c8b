// How soon the first picture is there: node opening.mjs URL COUNT. It opens a
// page with one <video> COUNT times, each time as somebody who was never here,
// and prints as one line of JSON how many ms after the navigation began each of
// the steps to the picture was done.
import { open } from './browser.mjs';

const [url, count] = process.argv.slice(2);
const browser = await open();
const all = [];
try {
  for (let i = 0; i < Number(count); i++) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    const page = await context.newPage();
    await page.addInitScript(listen);
    await page.goto(url, { waitUntil: 'commit' });
    await page.waitForFunction(() => window.steps.picture, null, { timeout: 30_000, polling: 100 });
    all.push(await page.evaluate(() => window.steps));
    await context.close();
  }
  console.log(JSON.stringify(all));
} finally {
  await browser.close();
}

// listen notes when what first happened. The picture counts when it is
// composited, in a <video> that stands on the page.
function listen() {
  const steps = (window.steps = {});
  const note = (step) => (steps[step] ??= performance.now());
  const look = () => {
    const video = document.querySelector('main video') ?? document.querySelector('video');
    if (!video) return requestAnimationFrame(look);
    note('mounted');
    video.requestVideoFrameCallback(() => note('picture'));
  };
  requestAnimationFrame(look);
  document.addEventListener('DOMContentLoaded', () => note('script')); // modules have run by then
  window.WebSocket = class extends WebSocket {
    constructor(url, ...more) {
      super(url, ...more);
      if (new URL(url).pathname !== '/push') return;
      note('socket');
      this.addEventListener('message', (e) => e.data instanceof ArrayBuffer && note('media'));
    }
  };
}
