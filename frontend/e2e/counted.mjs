// One viewer is one, whatever happens: node counted.mjs URL CHANNEL. A page
// watches by frame push; then its sockets break for good, and it goes on by
// LL-HLS. Meanwhile somebody types /stat.
import { go, open, playing, say } from './browser.mjs';

const [url, channel] = process.argv.slice(2);
const browser = await open();
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  const sockets = [];
  let broken = false;
  await page.routeWebSocket(/\/push\?/, (socket) => {
    if (broken) return socket.close();
    sockets.push(socket);
    socket.connectToServer();
  });
  const ids = new Set(); // of all requests for media but the still picture
  page.on('request', (r) => {
    if (/\/hls\/.*(m3u8|m4s|i\d+-\w+\.mp4)/.test(r.url())) ids.add(r.headers()['x-echotv-viewer'] ?? 'none');
  });
  await page.goto(`${url}/#/@${channel}`);
  await playing(page);
  say('push', { requests: ids.size, sockets: sockets.length });
  await go();

  broken = true;
  for (const s of sockets) s.close();
  const began = Date.now();
  while (!ids.size && Date.now() - began < 30_000) await page.waitForTimeout(200);
  await playing(page);
  const stat = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await stat.goto(`${url}/stat`);
  const row = stat.locator('tr', { has: stat.getByRole('rowheader', { name: channel }) });
  await row.waitFor();
  say('hls', { ids: [...ids], address: stat.url().slice(url.length), watching: (await row.locator('td').nth(1).innerText()).trim() });
  await go();

  say('later', { ids: ids.size, watching: (await row.locator('td').nth(1).innerText()).trim() });
} finally {
  await browser.close();
}
