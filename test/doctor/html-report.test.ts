import type { AuditReport } from '../../src/doctor/audit-report.js';
import { filterReport } from '../../src/doctor/filters.js';
import { htmlReport } from '../../src/doctor/report/html-report.js';
import { html, Markup } from '../../src/doctor/report/markup.js';
import type { TimeoutStep } from '../../src/doctor/timeout-chain.js';
import { finding, hostileReport, hostileTexts, measuredWith, reportWith } from '../helpers/audit-reports.js';

const slow = { text: 'fs.readFileSync', route: 'GET /file', file: 'src/app.js', line: 12 };
const before: AuditReport = {
  ...reportWith(
    finding('synchronous-call', slow),
    finding('compression-missing', { text: '4 kB', route: 'GET /' }),
  ),
  routes: [
    {
      route: 'GET /',
      status: 200,
      bytes: 4200,
      encoding: null,
      caching: null,
      faults: ['compression-missing'],
    },
  ],
  measured: measuredWith('GET /'),
};
const after: AuditReport = {
  ...reportWith(finding('synchronous-call', slow)),
  routes: [{ route: 'GET /', status: 200, bytes: 300, encoding: 'gzip', caching: null, faults: [] }],
  measured: { ...measuredWith('GET /'), requestsPerSecond: 1700 },
};
const textOf = (page: string) =>
  page
    .replace(/<style>.*?<\/style>/s, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ');

describe('a template of markup', () => {
  it('escapes each value that is no markup itself', () => {
    expect(html`<a title="${`"'<&>`}">${[html`<b>${'<i>'}</b>`]}${null}${false}${0}</a>`.text).toBe(
      '<a title="&quot;&#39;&lt;&amp;&gt;"><b>&lt;i&gt;</b>0</a>',
    );
    expect(html`${new Markup('<hr>')}`.text).toBe('<hr>');
  });
});

describe('the report as a page', () => {
  it('has the score, the scores of practices, and each fault with what was seen and its fix', () => {
    const text = textOf(htmlReport('server.js', before));
    expect(text).toContain('79 1 high 1 medium');
    expect(text).toMatch(/synchronous calls \s*85/);
    for (const each of before.findings) {
      for (const part of [each.title, each.id, each.reason])
        expect(text).toContain(part.replaceAll("'", '&#39;'));
    }
    expect(text).toMatch(/GET \/file fs\.readFileSync src\/app\.js:12/);
  });

  it('has both sides of a preview, and what the line mends', () => {
    const page = htmlReport('server.js', before, after);
    const text = textOf(page);
    expect(page).toContain('aria-label="79 of 100"');
    expect(page).toContain('aria-label="85 of 100"');
    expect(text).toContain('4.2 kB → 300 B');
    expect(text).toContain('812 1700 with the line');
    const mended = [...page.matchAll(/<article class="finding \w+" id="([^"]*)">(.*?)<\/article>/gs)]
      .filter(([, , content]) => content?.includes('mends it'))
      .map(([, id]) => id);
    expect(mended).toEqual(['compression-missing']);
  });

  it('has the timeouts in one line, and marks those in the wrong order', () => {
    const step = (name: TimeoutStep['name'], fault: string | null): TimeoutStep => ({
      ...{ name, ms: 5000, text: 'closes', usual: false, fault },
    });
    const timeouts = [step('client', null), step('server', 'before the proxy'), step('drain', null)];
    const page = htmlReport('server.js', { ...before, timeouts });
    const items = [...page.matchAll(/<li class="(right|wrong)">\s*<b>(\w+)<\/b>/g)].map(
      ([, ...found]) => found,
    );
    expect(items).toEqual([
      ['right', 'client'],
      ['wrong', 'server'],
      ['right', 'drain'],
    ]);
    expect(textOf(page)).toContain('before the proxy');
  });

  it('is a page without faults, routes, times or measurements, too', () => {
    const empty = { ...reportWith(), notExamined: [], routes: [], timeouts: [], measured: null };
    const text = textOf(htmlReport('server.js', empty));
    expect(text).toContain('No faults');
    expect(text).not.toMatch(/Notes|Routes|Timeouts|Measured|undefined|null|NaN|\[object/);
  });

  it('lists what is silenced', () => {
    const silenced = { 'synchronous-call': 'the file is small' };
    expect(textOf(htmlReport('a.js', filterReport(before, { only: [], silenced })))).toContain(
      '(synchronous-call): the file is small',
    );
  });

  it('has no markup of the app, and nothing that a browser would request', () => {
    const page = htmlReport(hostileTexts[0], hostileReport(), hostileReport());
    const tags = new Set([...page.matchAll(/<\/?([a-z][a-z0-9]*)/gi)].map(([, name]) => name));
    for (const name of ['script', 'img', 'iframe', 'link', 'object', 'a', 'base', 'form'])
      expect(tags).not.toContain(name);
    const attributes = [...page.matchAll(/<[a-z][^>]*?\s((?:on\w+|src|href|style|action)\s*=)/gi)];
    expect(attributes).toEqual([]);
    expect(page).toContain(`content="default-src 'none'; style-src 'unsafe-inline'`);
    expect(page).not.toMatch(/url\(|@import/);
    expect(page.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });

  it('is smaller than 300 kB, however much was seen', () => {
    const page = htmlReport('server.js', hostileReport(300), hostileReport(300));
    expect(Buffer.byteLength(page)).toBeLessThan(300_000);
    expect(textOf(page)).toMatch(/and \d+ more/);
    expect(page.trimEnd()).toMatch(/<\/html>$/);
  });
});
