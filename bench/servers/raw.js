// The limit: node:http without any framework.
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { text } from 'node:stream/consumers';
import ejs from 'ejs';
import { failing, freshReport, megabyte, report, small, viewData, views } from '../apps/payloads.js';

const render = ejs.compile(readFileSync(`${views}/list.ejs`, 'utf8'));

function send(res, status, type, body) {
  res.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) }).end(body);
}

const json = (res, value) => send(res, 200, 'application/json; charset=utf-8', JSON.stringify(value));
const plain = (res, status, body) => send(res, status, 'text/plain; charset=utf-8', body);

const routes = {
  '/small': (_req, res) => json(res, small),
  '/cached': (_req, res) => json(res, small),
  '/report': (_req, res) => json(res, report),
  '/fresh-report': (_req, res) => json(res, freshReport()),
  '/view': (_req, res) => send(res, 200, 'text/html; charset=utf-8', render(viewData)),
  '/failing': (_req, res) => failing().catch(() => plain(res, 500, 'Internal Server Error')),
  '/megabyte': (_req, res) => megabyte().pipe(res.setHeader('Content-Type', 'application/octet-stream')),
  '/echo': async (req, res) => json(res, JSON.parse(await text(req))),
};

export async function start() {
  const server = http.createServer((req, res) => {
    const route = routes[req.url];
    if (route) route(req, res);
    else plain(res, 404, 'Not Found');
  });
  return server.listen(0, '127.0.0.1');
}
