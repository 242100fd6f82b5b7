// The loads, in the order they run.
//
// app          the file of apps/ that has the routes
// figure       what is measured: `cpu` per request, `cold` (CPU of the first requests after start), or `p99`
// variants     the names of those that run; without it, all that do not name their loads themselves
// compression  false: no server compresses, as behind a proxy that does
// status, encoded, sameBody   what is checked before a measurement: status, a Content-Encoding, one body for all
// encodes      servers compress while they are measured, so they have all cores
// files        the servers are those for static files
// needs        a program that must be installed

import { session } from './apps/payloads.js';

const compressing = { 'Accept-Encoding': 'gzip, br' };
const json = { 'Content-Type': 'application/json' };
const order = {
  customer: 'Ada',
  items: [
    { sku: 'a-1', count: 2 },
    { sku: 'b-7', count: 1 },
  ],
  express: true,
};

const onCache = ['ours5-cache', 'ours4-cache', 'apicache5', 'apicache4', 'nginx-cache', 'varnish-cache'];

/** The loads of apps that Express and Fastify have alike. */
const stacks = [
  ...['express5', 'ours5', 'ours5-no-requestLogger', 'express4', 'ours4'],
  ...['by-hand', 'fastify', 'fastify-one-line'],
];

/** The app of `real`, and what its clients send with each request. */
const real = {
  app: 'real',
  compression: false,
  path: '/api/v1/area11/thing11/42',
  headers: {
    Accept: 'application/json',
    Authorization: 'Bearer 5f2b8c1e9d7a4036',
    Cookie: 'theme=dark; lang=en',
    Origin: 'https://app.example',
  },
  variants: stacks,
};

/** 500 bytes that are valid. */
const thing = {
  name: 'Difference engine No. 2 B',
  description: 'It tabulates polynomial functions by the method of finite differences. '.repeat(4).trim(),
  email: 'charles.babbage@cambridge.example',
  parts: Array.from({ length: 4 }, (_, n) => ({ sku: `part-${n}`, count: n * 7 })),
};

const lastOf = (routes) => ({
  name: `routes-${routes}`,
  title: routes === 1 ? 'One route' : `The last of ${routes} routes`,
  app: 'routes',
  routes,
  path: `/api/thing${routes}`,
  variants: stacks,
});

const behindSession = {
  app: 'session',
  path: '/me',
  headers: { Cookie: session.cookie },
  variants: stacks,
};

export const loads = [
  { name: 'real', title: 'A real app: GET', ...real, variants: [...stacks, 'ours5-metrics'] },
  {
    name: 'real-post',
    title: 'A real app: POST with validation',
    ...real,
    path: '/api/v1/area11/thing11',
    method: 'POST',
    headers: { ...real.headers, ...json },
    body: JSON.stringify(thing),
    status: 201,
  },
  { name: 'cold', title: 'A real app: the first 2,000 requests after start', ...real, figure: 'cold' },
  {
    name: 'many-clients',
    title: "A real app: 1,000 connections at 70 % of bare Express's capacity",
    ...real,
    figure: 'p99',
  },
  { name: 'params', title: 'A route with a parameter', app: 'params', path: '/items/42', variants: stacks },
  ...[1, 100, 400].map(lastOf),
  {
    name: 'mounted',
    title: 'A route three routers deep, two parameters',
    app: 'mounted',
    path: '/api/users/7/orders/42',
    variants: stacks,
  },
  { name: 'session', title: 'A session in memory', ...behindSession },
  {
    name: 'session-redis',
    title: 'A session in Redis',
    ...behindSession,
    redis: true,
    needs: 'redis-server',
  },
  { name: 'json', title: 'Small JSON', path: '/small' },
  {
    name: 'cached',
    title: 'Small JSON that may be cached',
    path: '/cached',
    variants: ['raw', 'express5', 'ours5', 'express4', ...onCache],
  },
  {
    name: 'json10k',
    title: '10 KB of JSON, compressed, the same each time',
    path: '/report',
    headers: compressing,
    encoded: true,
    encodes: true,
  },
  {
    name: 'json10k-fresh',
    title: '10 KB of JSON, compressed, another each time',
    path: '/fresh-report',
    headers: compressing,
    encoded: true,
    encodes: true,
    sameBody: false,
  },
  { name: 'view', title: 'A rendered view (EJS)', path: '/view' },
  {
    name: 'not-found',
    title: 'A path that does not exist',
    path: '/missing',
    status: 404,
    sameBody: false,
  },
  {
    name: 'async-error',
    title: 'An async handler that throws',
    path: '/failing',
    status: 500,
    sameBody: false,
  },
  {
    name: 'post',
    title: 'A POST with a JSON body',
    path: '/echo',
    method: 'POST',
    headers: json,
    body: JSON.stringify(order),
  },
  { name: 'stream', title: 'A stream of 1 MB', path: '/megabyte' },
  {
    name: 'static',
    title: 'A script of 6 KB with precompressed siblings',
    path: '/app.js',
    headers: { 'Accept-Encoding': 'gzip' },
    encoded: true,
    files: true,
  },
  { name: 'static-plain', title: 'A picture of 6 KB', path: '/picture.png', files: true },
  { name: 'static-miss', title: 'Small JSON, by a route behind static files', path: '/small', files: true },
].map((load) => ({
  app: 'basic',
  figure: 'cpu',
  method: 'GET',
  status: 200,
  encoded: false,
  encodes: false,
  compression: true,
  sameBody: true,
  files: false,
  headers: {},
  body: '',
  ...load,
}));

/** How a figure is written in tables. */
export const figures = {
  cpu: { unit: 'µs', of: 'CPU per request' },
  cold: { unit: 'µs', of: 'CPU per request' },
  p99: { unit: 'ms', of: 'p99 latency' },
};
