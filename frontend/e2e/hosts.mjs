// A guest's phone on a network with two hosts: node hosts.mjs URL CHANNEL HOST.
// It opens one host's page, finds the channel of the other one there, and picks
// it: first while the phone reaches that host, then while it does not. After
// each step it waits for a word.
import { go, open, playing, say } from './browser.mjs';

const [url, channel, host] = process.argv.slice(2);
const browser = await open();
try {
  const page = await browser.newPage({ viewport: { width: 390, height: 844 } });
  const errors = [];
  page.on('pageerror', (e) => errors.push(e.message));
  const text = (words) => page.getByText(words).filter({ visible: true }).first().waitFor({ timeout: 20_000 });
  const home = new URL(url).origin;
  // pick presses the channel and returns where that led, and after how long.
  const pick = async () => {
    await text(host);
    const began = Date.now();
    await page.getByRole('link', { name: `Watch ${channel}` }).click();
    await page.waitForURL(/#\/@/);
    const led = (Date.now() - began) / 1000;
    return { led, seconds: await playing(page), url: page.url() };
  };

  await page.goto(url);
  say('direct', await pick());
  await page.goBack();
  await page.waitForURL(`${home}/**`);
  say('home');
  await pick();
  await page.getByRole('link', { name: /instead$/ }).click();
  await page.waitForURL(`${home}/**`);
  say('instead', { seconds: await playing(page), url: page.url() });
  await page.goto(url);
  await go(); // the network keeps the phone from the other host

  await page.reload();
  const through = await pick();
  const card = await page.getByRole('region', { name: 'On another computer' }).innerText();
  say('through', { ...through, card });
  await go(); // the other host dies

  await text(`${host} left`);
  await text(/Holding the picture/);
  say('gone');
  await go(); // and returns

  await text(/on air \d/);
  say('back', { seconds: await playing(page, 30_000), errors });
} finally {
  await browser.close();
}
