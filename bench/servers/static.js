// Static files on Express 5, by one of the middlewares for them; `none` is the bytes from memory by node:http.
import { readFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { productionize, staticFiles } from 'express-productionize';
import expressStaticGzip from 'express-static-gzip';
import sirv from 'sirv';
import { small } from '../apps/payloads.js';
import { expressOf } from './express-app.js';
import { makeSite } from './site.js';

const middlewares = {
  express: (root, express) => express.static(root),
  ours: (root) => staticFiles(root),
  'express-static-gzip': (root) =>
    expressStaticGzip(root, { enableBrotli: true, orderPreference: ['br', 'gz'] }),
  sirv: (root) => sirv(root, { gzip: true, brotli: true, etag: true }),
  'sirv-dev': (root) => sirv(root, { gzip: true, brotli: true, etag: true, dev: true }),
};

export async function start({ by, productionized = false }) {
  const root = makeSite();
  if (by === 'none') return fromMemory(root).listen(0, '127.0.0.1');
  const express = await expressOf(5);
  const app = express();
  app.use(middlewares[by](root, express));
  app.get('/small', (_req, res) => res.json(small));
  if (productionized) productionize(app);
  return app.listen(0, '127.0.0.1');
}

function fromMemory(root) {
  const load = (name) => readFileSync(path.join(root, name));
  const files = {
    '/app.js': { plain: load('app.js'), gzip: load('app.js.gz'), type: 'text/javascript; charset=utf-8' },
    '/picture.png': { plain: load('picture.png'), type: 'image/png' },
  };
  return http.createServer((req, res) => {
    const { plain, gzip, type } = files[req.url];
    const encoded = gzip !== undefined && req.headers['accept-encoding'] !== undefined;
    const body = encoded ? gzip : plain;
    const headers = { 'Content-Type': type, 'Content-Length': body.length, ETag: '"1"' };
    res.writeHead(200, encoded ? { ...headers, 'Content-Encoding': 'gzip' } : headers).end(body);
  });
}
