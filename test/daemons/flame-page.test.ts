import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { Browser } from '../helpers/browser.js';
import { cleanUp, start } from '../helpers/cli.js';
import { folder, ready } from '../helpers/clusters.js';
import { steadyLoad } from '../helpers/load.js';
import { describeNeeds } from '../helpers/needs.js';

const app = path.join(__dirname, '../fixtures/profiled.cjs');
const sizes = [
  [360, 'light'],
  [1280, 'light'],
  [1280, 'dark'],
] as const;

/** The frames that are drawn: their text, their class and their width in pixels. */
const drawn = `[...document.querySelectorAll('#chart button')]
  .map((e) => ({ text: e.textContent, code: e.className, width: Math.round(e.getBoundingClientRect().width) }))`;
const click = (text: string) =>
  `[...document.querySelectorAll('#chart button')].find((e) => e.textContent.includes(${JSON.stringify(text)})).click()`;
const type = (text: string) =>
  `(() => { const e = document.getElementById('search'); e.value = ${JSON.stringify(text)}; e.dispatchEvent(new Event('input')); })()`;
/** The lowest contrast of the text of a frame with its colour, by WCAG 2.2. */
const lowestContrast = `(() => {
  const light = (color) => {
    const [r, g, b] = color.match(/[\\d.]+/g).map(Number)
      .map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  return Math.min(...[...document.querySelectorAll('#chart button, .legend b')].map((e) => {
    const { color, backgroundColor } = getComputedStyle(e);
    const [one, other] = [light(color), light(backgroundColor)];
    return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
  }));
})()`;

interface DrawnFrame {
  readonly text: string;
  readonly code: string;
  readonly width: number;
}

describeNeeds('chromium')('a flame graph in Chromium', () => {
  let browser: Browser;
  let server: http.Server;
  let url: string;
  let size: number;
  let served: string[];

  beforeAll(async () => {
    const { cluster, ask } = start(app, ['-w', '1']);
    await ready(cluster, 1);
    const origin = await cluster.url();
    const loads = ['/hot', '/hostile'].map((route) => steadyLoad(origin + route, { keepAlive: true }));
    await Promise.all(loads.map((load) => load.answered(1)));
    const done = await ask('profile', '--seconds', '1', '--flame', '--json', '--out', folder());
    await Promise.all(loads.map((load) => load.stop()));
    const page = readFileSync(JSON.parse(done.out)[0].flame);
    size = page.length;
    server = http.createServer((req, res) => {
      served.push(String(req.url));
      res.setHeader('content-type', 'text/html').end(page);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    browser = await Browser.start();
  });
  beforeEach(() => {
    served = [];
  });
  afterAll(async () => {
    await browser.close();
    server.closeAllConnections();
    server.close();
    cleanUp();
  });

  it.each(sizes)(
    '%s pixels wide and %s: fits, can be read, requests nothing, and runs no name',
    async (width, scheme) => {
      const page = await browser.open(url, { width, scheme });
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
      const frames = await page.evaluate<DrawnFrame[]>(drawn);
      expect(frames[0]).toMatchObject({ text: '(root)', code: 'none', width: width - 32 });
      expect(frames.filter(({ text }) => text === 'hotFunction')[0]).toMatchObject({ code: 'app' });
      expect(frames.some(({ text }) => text.startsWith('\\u{1b}[31m</script><img'))).toBe(true);
      expect(frames.some(({ text }) => text === '(idle)')).toBe(false);
      expect(await page.evaluate(lowestContrast)).toBeGreaterThan(4.5);
      expect(await page.evaluate('typeof window.hacked')).toBe('undefined');
      expect((await page.screenshot()).subarray(1, 4).toString()).toBe('PNG');
      expect([page.errors, page.requested, served]).toEqual([[], [url], ['/']]);
      expect(size).toBeLessThan(300_000);
    },
  );

  it('a click enlarges a function, Escape shows all again, and a search marks what it finds', async () => {
    const page = await browser.open(url, { width: 1000, scheme: 'light' });
    const widthOf = async (name: string) =>
      (await page.evaluate<DrawnFrame[]>(drawn)).find(({ text }) => text === name)?.width ?? 0;
    const before = await widthOf('hotFunction');
    expect(before).toBeLessThan(900);
    await page.evaluate(click('hotFunction'));
    expect(await widthOf('hotFunction')).toBe(968);
    expect(await page.evaluate('document.getElementById("detail").textContent')).toMatch(
      /^hotFunction \(test\/fixtures\/profiled\.cjs:14\): \d+\.\d %, [\d.]+ m?s; self \d+\.\d %$/,
    );
    await page.evaluate('dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }))');
    expect(await widthOf('hotFunction')).toBe(before);

    await page.evaluate(type('HOTfunction'));
    const marked = (await page.evaluate<DrawnFrame[]>(drawn)).filter(({ code }) => code.endsWith(' found'));
    expect(new Set(marked.map(({ text }) => text))).toEqual(new Set(['hotFunction']));
    expect(await page.evaluate('document.getElementById("found").textContent')).toMatch(/^\d+\.\d %$/);
  });
});
