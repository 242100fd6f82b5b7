import type { RequestHandler } from 'express';
import { staticFiles } from '../../../src/index.js';
import { expressVersions } from '../../helpers/express-versions.js';
import { closeAll, get, serve } from '../../helpers/serve.js';
import { makeSite, removeSites } from '../../helpers/site.js';

afterEach(async () => {
  await closeAll();
  removeSites();
});

describe.each(expressVersions)('headers that the app has set before static files on %s', (_name, express) => {
  async function serveAfter(before: RequestHandler, revalidateMs: number) {
    const { root } = makeSite({ 'page.html': '<p>page</p>', 'page.html.br': 'br' });
    const app = express();
    app.use(before, staticFiles(root, { revalidateMs }));
    app.use((_req, res) => void res.end('route'));
    return (await serve(app)).url;
  }

  describe.each([0, 60_000])('revalidateMs %d', (revalidateMs) => {
    it.each(['/page.html', '/none'])(
      'a request whose head is sent goes to the next handler: %s',
      async (path) => {
        const url = await serveAfter((_req, res, next) => {
          res.write('head ');
          next();
        }, revalidateMs);
        for (let i = 0; i < 2; i++) expect((await get(url + path)).text).toBe('head route');
      },
    );

    it('preconditions and ranges are ignored with a preset error status', async () => {
      const url = await serveAfter((_req, res, next) => {
        res.status(404);
        next();
      }, revalidateMs);
      const conditions = { 'if-none-match': '*', 'if-match': '"x"', range: 'bytes=0-1' };
      for (const [name, value] of Object.entries(conditions)) {
        const response = await get(`${url}/page.html`, { headers: { [name]: value } });
        expect([response.status, response.text]).toEqual([404, '<p>page</p>']);
      }
    });

    it('a preset type, ETag and date are sent and compared, and a 304 has no content headers', async () => {
      const preset = {
        'Content-Type': 'text/plain; charset=utf-8',
        'Content-Language': 'de',
        ETag: '"mine"',
        'Last-Modified': 'Sat, 01 Jan 2000 00:00:00 GMT',
      };
      const url = await serveAfter((_req, res, next) => {
        res.set(preset);
        next();
      }, revalidateMs);
      for (let i = 0; i < 2; i++) {
        const { headers } = await get(`${url}/page.html`);
        for (const [name, value] of Object.entries(preset)) expect(headers[name.toLowerCase()]).toBe(value);
      }
      const again = await get(`${url}/page.html`, { headers: { 'if-none-match': '"mine"' } });
      expect([again.status, again.headers.etag]).toEqual([304, '"mine"']);
      expect(again.headers['content-language']).toBeUndefined();
      expect(again.headers['content-type']).toBeUndefined();
      const part = await get(`${url}/page.html`, { headers: { range: 'bytes=0-2', 'if-range': '"mine"' } });
      expect([part.status, part.text]).toEqual([206, '<p>']);
    });
  });
});
