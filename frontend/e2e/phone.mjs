// A phone that scanned the code: node phone.mjs URL.
import { open, say } from './browser.mjs';

const browser = await open();
try {
  const page = await browser.newPage({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  const errors = [];
  page.on('pageerror', (e) => errors.push(e.message));
  await page.goto(process.argv[2]);
  await page.getByText(/This device reaches/).first().waitFor();
  const shown = await page.evaluate(() => document.querySelector('video').currentTime);
  say('done', { shown, errors });
} finally {
  await browser.close();
}
