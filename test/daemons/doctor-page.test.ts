import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { htmlReport } from '../../src/doctor/report/html-report.js';
import { hostileReport, hostileTexts } from '../helpers/audit-reports.js';
import { Browser } from '../helpers/browser.js';
import { describeNeeds } from '../helpers/needs.js';

const sizes = [360, 768, 1280].flatMap((width) =>
  (['light', 'dark'] as const).map((scheme) => [width, scheme] as const),
);
/** Elements whose content is cut off or reaches beyond the page. */
const tooWide = `[...document.querySelectorAll('body *')]
  .filter((e) => e.getBoundingClientRect().right > innerWidth + 1 || e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 1)
  .map((e) => e.tagName + ' ' + e.textContent.slice(0, 40))`;
/** The contrast of each text with its background, by WCAG 2.2; those below 4.5. */
const lowContrast = `(() => {
  const rgb = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = (color) => {
    const [r, g, b] = rgb(color).map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (e) => {
    for (let each = e; each; each = each.parentElement) {
      const color = getComputedStyle(each).backgroundColor;
      if (rgb(color)[3] !== 0) return color;
    }
    return 'rgb(255, 255, 255)';
  };
  return [...document.querySelectorAll('body *')]
    .filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim() !== '') && e.tagName !== 'text')
    .map((e) => [e, light(getComputedStyle(e).color), light(behind(e))])
    .filter(([, one, other]) => (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05) < 4.5)
    .map(([e]) => e.className + ' ' + e.textContent.slice(0, 30));
})()`;

describeNeeds('chromium')('the page of the doctor in Chromium', () => {
  let browser: Browser;
  let server: http.Server;
  let origin: string;
  let served: string[];
  const pages: Record<string, string> = {
    '/report': htmlReport(hostileTexts[0], hostileReport(), hostileReport()),
    '/unescaped': `<!doctype html><p>${hostileTexts.join('</p><p>')}</p>`,
  };

  beforeAll(async () => {
    server = http.createServer((req, res) => {
      served.push(String(req.url));
      res.setHeader('content-type', 'text/html; charset=utf-8').end(pages[String(req.url)] ?? '');
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    browser = await Browser.start();
  });
  beforeEach(() => {
    served = [];
  });
  afterAll(async () => {
    await browser.close();
    server.closeAllConnections();
    server.close();
  });

  it.each(sizes)(
    '%s pixels wide and %s: fits, can be read, requests nothing and runs nothing',
    async (width, scheme) => {
      const page = await browser.open(`${origin}/report`, { width, scheme });
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
      expect(await page.evaluate(tooWide)).toEqual([]);
      expect(await page.evaluate(lowContrast)).toEqual([]);
      expect(await page.evaluate('typeof window.hacked')).toBe('undefined');
      expect(await page.evaluate('document.querySelectorAll(".chain li").length')).toBe(12);
      expect((await page.screenshot()).subarray(1, 4).toString()).toBe('PNG');
      expect([page.errors, page.requested, served]).toEqual([[], [`${origin}/report`], ['/report']]);
    },
  );

  it('is dark where the system is', async () => {
    const colours = [];
    for (const scheme of ['light', 'dark'] as const) {
      const page = await browser.open(`${origin}/report`, { width: 768, scheme });
      colours.push(await page.evaluate('getComputedStyle(document.body).backgroundColor'));
    }
    expect(colours).toEqual(['rgb(246, 247, 249)', 'rgb(18, 22, 28)']);
  });

  it('would run the same texts if they were not escaped', async () => {
    const page = await browser.open(`${origin}/unescaped`, { width: 768, scheme: 'light' });
    expect(await page.evaluate('window.hacked')).toBe(1);
    expect(page.requested.length).toBeGreaterThan(1);
  });
});
