// One page, never reloaded, while first the streamer's cable and then its own is
// pulled and put back: node cable.mjs URL CHANNEL PATH. After each step it waits
// for a word. PATH is push or hls, see place in routes.ts.
import { go, look, open, playing, say } from './browser.mjs';

const [url, channel, path] = process.argv.slice(2);
const browser = await open();
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  const errors = [];
  page.on('pageerror', (e) => errors.push(e.message));
  const text = (words) => page.getByText(words).filter({ visible: true }).first().waitFor({ timeout: 30_000 });
  // now is what a viewer has before them, once the picture moves.
  const now = async () => {
    const seconds = await playing(page, 60_000);
    await page.waitForTimeout(3000);
    const facts = await page.evaluate(() => {
      const v = document.querySelector('main video');
      return { same: v === window.first, delay: parseFloat(document.querySelector('.delay').innerText.replace(/^\D+/, '')) };
    });
    return { seconds, ...facts, errors };
  };
  const held = async (words) => {
    await text(words);
    await page.waitForTimeout(1000);
    return { brightest: (await look(page)).brightest };
  };

  await page.goto(`${url}/#/@${channel}?path=${path}`);
  await page.locator('main video').first().evaluate((v) => (window.first = v));
  say('playing', await now());
  await go(); // the streamer's cable is out
  say('lost', await held(/stopped sending/));
  await go(); // and in
  say('back', await now());
  await go(); // ours is out
  say('cut', await held(/Trying again by itself/));
  await go(); // and in
  say('again', await now());
} finally {
  await browser.close();
}
