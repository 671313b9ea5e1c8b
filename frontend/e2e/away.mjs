// A viewer who watches a channel of another computer through the own one:
// node away.mjs URL NAME. After each step it waits for a word, and says how the
// page took what happened meanwhile.
import { go, open, playing, say } from './browser.mjs';

const [url, name] = process.argv.slice(2);
const browser = await open();
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  const errors = [];
  const hosts = new Set();
  page.on('pageerror', (e) => errors.push(e.message));
  page.on('request', (r) => /^(http|ws)/.test(r.url()) && hosts.add(new URL(r.url()).host));
  page.on('websocket', (s) => hosts.add(new URL(s.url()).host));
  await page.addInitScript(() => localStorage.setItem('echotv.direct', 'false')); // Settings: through this host

  const text = (words) => page.getByText(words).filter({ visible: true }).first().waitFor({ timeout: 20_000 });
  const now = async () => {
    const seconds = await playing(page, 30_000);
    const same = await page.evaluate(() => (window.first ??= document.querySelector('main video')) === document.querySelector('main video'));
    return { seconds, same, hosts: [...hosts], errors };
  };

  await page.goto(url);
  await page.locator(`main a[href^="#/@${name}@"]`).first().click();
  say('playing', await now());
  const other = await browser.newPage(); // by HLS, see place in routes.ts
  await other.goto(`${page.url()}?path=hls`);
  say('by HLS', { seconds: await playing(other, 30_000) });
  await other.close();
  await go(); // a third computer dies
  say('still', await now());
  await go(); // the one that has the channel dies
  await text(/left|stopped sending|offline|not on the network/);
  say('lost', { words: await page.locator('main').innerText() });
  await go(); // and returns
  say('back', await now());
} finally {
  await browser.close();
}
