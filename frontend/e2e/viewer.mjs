// A viewer's evening, against a real host: node viewer.mjs URL CHANNEL.
// It waits on the empty home page, sees the channel appear without a reload,
// opens it, watches, is told when it ends, and sees it come back by itself.
import { go, open, playing, say } from './browser.mjs';

const [url, channel] = process.argv.slice(2);
const browser = await open();
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  const errors = [];
  page.on('pageerror', (e) => errors.push(e.message));
  page.on('console', (m) => m.type() === 'error' && errors.push(m.text()));

  await page.goto(url);
  await page.getByText(/nobody is live/i).first().waitFor();
  say('home');
  await go();

  await page.locator(`main a[href="#/@${channel}"]`).first().click();
  const seconds = await playing(page);
  say('playing', { seconds });
  await page.waitForTimeout(3000);
  const delay = await page.getByText(/delay \d/).first().innerText();
  say('watched', { delay, muted: await page.evaluate(() => document.querySelector('main video').muted) });
  await go();

  await page.getByText(`${channel} went offline`).filter({ visible: true }).first().waitFor({ timeout: 15_000 });
  say('offline');
  await go();

  say('back', { seconds: await playing(page, 25_000), errors });
} finally {
  await browser.close();
}
