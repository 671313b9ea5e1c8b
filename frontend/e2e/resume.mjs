// One page, never reloaded, while its publisher has a bad evening: node resume.mjs
// URL CHANNEL PATH. After each step it waits for a word, and says how the page
// took what happened meanwhile. PATH is push or hls, see place in routes.ts.
import { go, look, open, playing, say } from './browser.mjs';

const [url, channel, path] = process.argv.slice(2);
const browser = await open();
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  const errors = [];
  page.on('pageerror', (e) => errors.push(e.message));
  await page.goto(`${url}/#/@${channel}?path=${path}`);
  await page.locator('main video').first().evaluate((v) => (window.first = v));

  // now is what a viewer has before them, once the picture moves.
  const now = async () => {
    const seconds = await playing(page, 30_000);
    await page.waitForTimeout(2000);
    const facts = await page.evaluate(() => {
      const v = document.querySelector('main video');
      const ahead = v.buffered.length ? v.buffered.end(v.buffered.length - 1) - v.currentTime : 0;
      return { same: v === window.first, width: v.videoWidth, ahead, delay: parseFloat(document.querySelector('.delay').innerText.replace(/^\D+/, '')) };
    });
    return { seconds, ...facts, errors };
  };
  const text = (words) => page.getByText(words).filter({ visible: true }).first().waitFor({ timeout: 20_000 });

  say('playing', await now());
  await go(); // killed
  await text(/stopped sending/);
  await page.waitForTimeout(1500);
  const still = await look(page);
  say('lost', { brightest: still.brightest });
  await go(); // back, with another picture
  say('back', await now());
  await go(); // stopped with a goodbye
  await text(`${channel} went offline`);
  say('offline');
  await go(); // and again; its clock will jump
  say('again', await now());
  await go(); // the clock has jumped
  say('jumped', await now());
  await go(); // another publisher has taken over
  say('taken over', await now());
  await go(); // whose clock has jumped back
  say('jumped back', await now());
} finally {
  await browser.close();
}
