import { readFileSync } from 'node:fs';
import http, { type RequestListener } from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { gzipSync } from 'node:zlib';
import type { AuditReport } from '../../src/doctor/index.js';
import { selfSigned } from '../helpers/certificate.js';
import { cleanUp, cli } from '../helpers/cli.js';
import { itNeeds } from '../helpers/needs.js';

let servers: net.Server[] = [];

afterEach(() => {
  for (const server of servers) {
    (server as Partial<http.Server>).closeAllConnections?.();
    server.close();
  }
  servers = [];
  cleanUp();
});

async function listen(server: net.Server): Promise<number> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return (server.address() as net.AddressInfo).port;
}
const serve = async (listener: RequestListener) =>
  `http://127.0.0.1:${await listen(http.createServer(listener))}`;

/** The heap of the doctor is small, so that it ends where it stores what a server sends without end. */
const smallHeap = { NODE_OPTIONS: '--max-old-space-size=64' };

async function audited(url: string, ...flags: string[]): Promise<AuditReport> {
  const args = ['doctor', '--url', url, '--json', '--fail-on', 'never', ...flags];
  const { code, out, err } = await cli(args, smallHeap);
  expect([code, err]).toEqual([0, '']);
  return JSON.parse(out) as AuditReport;
}

describe('doctor --url', () => {
  it('audits what responses show, and names what it cannot decide', async () => {
    const requests: string[] = [];
    const url = await serve((req, res) => {
      requests.push(`${req.method} ${req.url}`);
      res.setHeader('x-powered-by', 'Express');
      res.setHeader('cache-control', 'max-age=60');
      if (req.url === '/base/') {
        res.setHeader('content-type', 'text/html');
        return res.end('<a href="/news/1">news</a><a href="/logout">leave</a><a href="http://other.test/x">');
      }
      if (req.url !== '/news/1') return res.writeHead(404).end('Error\n    at run (/srv/app.js:1:2)');
      return res.setHeader('content-type', 'text/plain').end('x'.repeat(5000));
    });
    const { findings, notExamined } = await audited(`${url}/base/`, '--paths', '/more');
    const seen = new Map(findings.map(({ id, evidence }) => [id, evidence.map(({ route }) => route)]));
    expect([...seen.keys()].sort()).toEqual(['compression-missing', 'powered-by', 'stack-in-response']);
    expect(seen.get('compression-missing')).toEqual(['GET /news/1']);
    expect(notExamined).toEqual(
      expect.arrayContaining(['sigterm-loses-requests', 'synchronous-call', 'node-env', 'readiness-missing']),
    );
    expect(new Set(requests)).toEqual(
      new Set(['GET /base/', 'GET /more', 'GET /news/1', 'GET /express-productionize-doctor-missing']),
    );
  });

  it('follows no redirect to another host, and none in a circle', async () => {
    let elsewhere = 0;
    const other = await serve((_req, res) => res.end(String(elsewhere++)));
    const locations = ['/', '/again', `${other}/`, `//${other.slice(7)}/`];
    let requests = 0;
    const url = await serve((_req, res) => {
      res.writeHead(302, { location: locations[requests++ % locations.length] }).end();
    });
    const { findings } = await audited(url);
    expect([elsewhere, findings]).toEqual([0, []]);
    expect(requests).toBeLessThan(20);
  });

  it('reads the beginning of bodies without an end, and names a response that has no body', async () => {
    const begun = (type: string) => (req: http.IncomingMessage, res: http.ServerResponse) => {
      if (req.url !== '/') return void res.writeHead(404).end();
      res.writeHead(200, { 'content-type': type }).flushHeaders();
    };
    const chunks = Buffer.from('1\r\nx\r\n'.repeat(10_000));
    const endless = net.createServer((socket) => {
      const more = () => socket.write(chunks, (error) => !error && setImmediate(more));
      socket.on('error', () => {});
      socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
      more();
    });
    const urls = [
      `http://127.0.0.1:${await listen(endless)}`,
      await serve(begun('text/plain')),
      await serve(begun('text/event-stream')),
    ];
    const reports = await Promise.all(urls.map((url) => audited(url)));
    expect(reports.map(({ findings }) => findings.flatMap(({ evidence }) => evidence))).toEqual([
      [],
      [{ text: 'headers without a body', route: 'GET /' }],
      [],
    ]);
    const note = (route: string) => `Read in part: ${route}: 5 s and 4 MiB are the limits.`;
    expect(reports.map(({ notes }) => notes)).toEqual([
      [note('GET /'), note('GET /express-productionize-doctor-missing')],
      [note('GET /')],
      [note('GET /')],
    ]);
  });

  it('finds the links of a large text in which nearly everything could be one', async () => {
    const url = await serve((_req, res) => {
      res.setHeader('cache-control', 'no-store').end(`"/first","/second" ${'=/'.repeat(130_000)}`);
    });
    const { routes } = await audited(url);
    expect(routes.map(({ route }) => route)).toEqual(['GET /', 'GET /first', 'GET /second']);
  });

  it('reads only the beginning of a body that decodes to very much', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 2 ** 20));
    const url = await serve((_req, res) => {
      res
        .writeHead(200, {
          'content-type': 'text/plain',
          'content-encoding': 'gzip',
          'cache-control': 'no-store',
        })
        .end(bomb);
    });
    expect((await audited(url)).findings).toEqual([]);
  });

  it.each([
    ['the port is closed', undefined, /cannot be examined: connect ECONNREFUSED/],
    [
      'the headers have no end',
      (socket: net.Socket) => {
        const more = () => socket.write('x'.repeat(65_536), (error) => !error && setImmediate(more));
        socket.write('HTTP/1.1 200 OK\r\nx: ');
        more();
      },
      /cannot be examined: .*Header overflow/i,
    ],
    [
      'the headers arrive slowly',
      (socket: net.Socket) => {
        socket.write('HTTP/1.1 200 OK\r\n');
        const timer = setInterval(() => socket.write('x: y\r\n'), 100);
        socket.once('close', () => clearInterval(timer));
      },
      /cannot be examined: no response/,
    ],
    [
      'no HTTP is spoken',
      (socket: net.Socket) => socket.end('220 mail\r\n'),
      /cannot be examined: Parse Error/,
    ],
  ])('states clearly that %s', async (_what, onConnection, message) => {
    const server = net.createServer((socket) => {
      socket.on('error', () => {});
      onConnection?.(socket);
    });
    const port = await listen(server);
    if (!onConnection) await new Promise((resolve) => server.close(resolve));
    const { code, err } = await cli(['doctor', '--url', `http://127.0.0.1:${port}`]);
    expect(code).toBe(2);
    expect(err).toMatch(message);
  });

  itNeeds('openssl')('rejects a certificate that is not valid', async () => {
    const { certificate, certificateKey } = await selfSigned();
    const options = { cert: readFileSync(certificate), key: readFileSync(certificateKey) };
    const port = await listen(https.createServer(options, (_req, res) => res.end('x')));
    const { code, err } = await cli(['doctor', '--url', `https://127.0.0.1:${port}`]);
    expect(code).toBe(2);
    expect(err).toMatch(/cannot be examined: .*self-signed certificate/);
  });

  it.each([
    [['--url', 'ftp://a.test'], /--url: expected http:\/\/ or https:\/\//],
    [['--url', 'here'], /--url: expected http:\/\/ or https:\/\//],
    [['--url', 'http://a.test', 'app.js'], /--url: expected no script/],
    [['--url', 'http://a.test', '--preview'], /--url: --preview requires a script/],
  ])('refuses the arguments %j', async (flags, message) => {
    const { code, err } = await cli(['doctor', ...flags]);
    expect([code, err]).toEqual([2, expect.stringMatching(message)]);
  });
});
