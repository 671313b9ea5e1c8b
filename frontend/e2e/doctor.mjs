// The host's screen during a check with a phone: node doctor.mjs URL NAME PASSWORD. It tells the address in the QR code, and what it
// shows when the phone has gone through its steps.
import { open, say } from './browser.mjs';

const [url, name, password] = process.argv.slice(2);
const browser = await open();
try {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  const errors = [];
  page.on('pageerror', (e) => errors.push(e.message));
  await page.goto(`${url}/#/signin?next=%2Fdoctor`);
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('main').getByRole('button', { name: 'Sign in' }).click();
  await page.getByText('Nothing found in the way. A phone would prove it.').waitFor();
  await page.getByRole('button', { name: 'Show the code' }).click();
  say('code', { url: await page.locator('code', { hasText: '/#/check' }).innerText() });

  const step = (title) => page.getByRole('listitem').filter({ hasText: title }).getByText('Fine:').waitFor({ state: 'attached' });
  await step('Page reached');
  say('reached');
  await step('WebSocket');
  await step('Plays the test stream');
  await step('From here to the phone');
  await page.getByText('Others can reach you: a phone just did.').or(page.getByText('Others can reach you.', { exact: true })).first().waitFor();
  say('proved', { errors });
} finally {
  await browser.close();
}
