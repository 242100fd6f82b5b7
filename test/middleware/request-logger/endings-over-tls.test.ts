import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { IncomingMessage, RequestListener } from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { RequestHandler } from 'express';
import { productionize } from '../../../src/index.js';
import { expressVersions } from '../../helpers/express-versions.js';
import { memoryLog } from '../../helpers/memory-log.js';
import { itNeeds } from '../../helpers/needs.js';

function certificate(): { key: Buffer; cert: Buffer } {
  const directory = mkdtempSync(path.join(tmpdir(), 'tls-'));
  const [key, cert] = [path.join(directory, 'key.pem'), path.join(directory, 'cert.pem')];
  const request = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost -keyout ${key} -out ${cert}`;
  execFileSync('openssl', request.split(' '), { stdio: 'ignore' });
  const files = { key: readFileSync(key), cert: readFileSync(cert) };
  rmSync(directory, { recursive: true });
  return files;
}

const servers = {
  'a server of https': (app: RequestListener) => https.createServer(certificate(), app),
  'a server of HTTP/2 that allows HTTP/1': (app: RequestListener) =>
    http2.createSecureServer({ ...certificate(), allowHTTP1: true }, app as never),
};

const large = Buffer.alloc(8 << 20, 'x');

const endings: [what: string, handler: RequestHandler, outcome: string, leaves?: true][] = [
  ['a small response', (_req, res) => void res.send('x'), 'completed'],
  ['8 MB, read to the end', (_req, res) => void res.end(large), 'completed'],
  ['8 MB whose client leaves', (_req, res) => void res.end(large), 'aborted', true],
  [
    'a connection that is destroyed before the response',
    (req, res) => {
      req.socket.destroy();
      res.send('x');
    },
    'aborted',
  ],
];

describe.each(expressVersions)('the end of a request on %s', (_name, express) => {
  describe.each(Object.entries(servers))('on %s', (_kind, create) => {
    itNeeds('openssl')('has one line with the outcome', async () => {
      for (const [what, handler, outcome, leaves] of endings) {
        const log = memoryLog();
        const app = productionize(express(), log.options);
        const router = express.Router({ mergeParams: true });
        router.get('/items/:item', handler);
        app.use('/shops/:shop', router);
        const server = create(app as unknown as RequestListener);
        await once(server.listen(0, '127.0.0.1'), 'listening');
        const { port } = server.address() as AddressInfo;
        const options = { path: '/shops/7/items/3', rejectUnauthorized: false, agent: false };
        const req = https.get(`https://127.0.0.1:${port}`, options);
        req.on('error', () => {});
        req.on('response', (res: IncomingMessage) => {
          res.on('error', () => {});
          if (leaves) req.destroy();
          else res.resume();
        });
        const { route } = await log.line((line) => line.outcome !== undefined);
        req.destroy();
        await new Promise<void>((resolve) => void server.close(() => resolve()));
        const outcomes = log.lines.flatMap((line) => line.outcome ?? []);
        expect([what, route, ...outcomes]).toEqual([what, '/shops/:shop/items/:item', outcome]);
      }
    });
  });
});
