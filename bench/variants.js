// The servers that are compared. `baseline` is what a ratio is against; `loads` names the loads of a variant that does
// not run everywhere; `part` marks one part of ours taken out; `ours` is what this project is judged by.

import { spawnSync } from 'node:child_process';

const compressed = ['json10k', 'json10k-fresh'];
const files = ['static', 'static-plain'];

/** The parts that can be off, and the loads on which each could matter. */
const parts = {
  productionGuard: ['json'],
  requestLogger: ['json'],
  streamErrors: ['json', 'stream'],
  compression: ['json'],
  bodyGuard: ['json', 'post'],
  asyncErrors: ['json', 'async-error'],
  errorHandler: ['json', 'not-found', 'async-error'],
  fatalErrors: ['json'],
  gracefulShutdown: ['json'],
  healthChecks: ['json'],
};

const ours = { server: 'ours', ours: true, compresses: true };
const on5 = { ...ours, baseline: 'express5' };
const allOff = Object.fromEntries(['logger', ...Object.keys(parts)].map((part) => [part, false]));

export const variants = [
  { name: 'raw', title: 'node:http, no framework', server: 'raw', baseline: 'express5' },
  { name: 'express5', title: 'Express 5', server: 'express', options: { version: 5 }, baseline: 'express5' },
  { name: 'express4', title: 'Express 4', server: 'express', options: { version: 4 }, baseline: 'express4' },
  { name: 'ours5', title: 'productionize, Express 5', ...on5, options: { version: 5 } },
  {
    name: 'ours4',
    title: 'productionize, Express 4',
    ...ours,
    options: { version: 4 },
    baseline: 'express4',
  },
  {
    name: 'by-hand',
    title: 'pino-http + compression + close-with-grace, Express 5',
    server: 'by-hand',
    baseline: 'express5',
    compresses: true,
  },
  {
    name: 'compression',
    title: 'compression alone, Express 5',
    server: 'compression',
    baseline: 'express5',
    compresses: true,
    loads: compressed,
  },
  {
    name: 'fastify',
    title: 'Fastify + logger + compress + under-pressure',
    server: 'fastify',
    options: { oneLine: false },
    baseline: 'express5',
    compresses: true,
  },
  {
    name: 'fastify-one-line',
    title: 'the same Fastify, one log line per request',
    server: 'fastify',
    options: { oneLine: true },
    baseline: 'express5',
    compresses: true,
  },
  {
    name: 'service-tools',
    title: '@banzaicloud/service-tools, Express 4 (no request log, no compression)',
    server: 'service-tools',
    baseline: 'express4',
  },
  {
    name: 'express5-development',
    title: 'Express 5, NODE_ENV=development',
    server: 'express',
    options: { version: 5 },
    baseline: 'express5',
    nodeEnv: 'development',
    loads: ['view'],
  },
  {
    name: 'express5-near-miss',
    title: 'Express 5, NODE_ENV=prod',
    server: 'express',
    options: { version: 5 },
    baseline: 'express5',
    nodeEnv: 'prod',
    loads: ['view'],
  },
  {
    name: 'ours5-near-miss',
    title: 'productionize, Express 5, NODE_ENV=prod',
    ...on5,
    options: { version: 5 },
    nodeEnv: 'prod',
    loads: ['view'],
  },
  {
    name: 'ours5-cache',
    title: 'productionize, Express 5, cache on',
    ...on5,
    options: { version: 5, parts: { cache: true } },
    loads: ['cached'],
  },
  {
    name: 'ours4-cache',
    title: 'productionize, Express 4, cache on',
    ...ours,
    options: { version: 4, parts: { cache: true } },
    baseline: 'express4',
    loads: ['cached'],
  },
  {
    name: 'apicache5',
    title: 'apicache, Express 5 (no request log, no compression)',
    server: 'apicache',
    options: { version: 5 },
    baseline: 'express5',
    loads: ['cached'],
  },
  {
    name: 'apicache4',
    title: 'apicache, Express 4 (no request log, no compression)',
    server: 'apicache',
    options: { version: 4 },
    baseline: 'express4',
    loads: ['cached'],
  },
  ...[
    ['nginx', 'nginx, proxy_cache', 'nginx'],
    ['varnish', 'Varnish', 'varnishd'],
  ].map(([by, title, needs]) => ({
    name: `${by}-cache`,
    title: `${title} in front (its own CPU, no request log)`,
    server: 'proxy-cache',
    options: { by },
    baseline: 'express5',
    loads: ['cached'],
    needs,
  })),
  {
    name: 'ours5-metrics',
    title: 'productionize, Express 5, metrics on',
    ...on5,
    options: { version: 5, parts: { metrics: { port: 0 } } },
    loads: ['real'],
  },
  {
    name: 'ours5-detect-sync-io',
    title: 'productionize, Express 5, detectSyncIo on',
    ...on5,
    options: { version: 5, parts: { detectSyncIo: { enabled: true } } },
    loads: ['json'],
  },
  ...Object.entries(parts).map(([part, loads]) => ({
    name: `ours5-no-${part}`,
    title: `productionize, Express 5, without ${part}`,
    ...on5,
    options: { version: 5, parts: { [part]: false } },
    compresses: part !== 'compression',
    loads,
    part,
  })),
  {
    name: 'ours5-bare',
    title: 'productionize, Express 5, all parts off',
    ...on5,
    options: { version: 5, parts: allOff },
    compresses: false,
    loads: ['json'],
  },
  ...[
    { name: 'static-express', title: 'express.static', by: 'express', compresses: false },
    { name: 'static-ours', title: 'staticFiles', by: 'ours' },
    { name: 'static-productionize', title: 'staticFiles, productionize', by: 'ours', productionized: true },
    { name: 'static-gzip', title: 'express-static-gzip', by: 'express-static-gzip' },
    { name: 'static-sirv', title: 'sirv', by: 'sirv' },
    { name: 'static-sirv-dev', title: 'sirv, dev: true', by: 'sirv-dev' },
    { name: 'static-raw', title: 'node:http, from memory', by: 'none', loads: files },
  ].map(({ name, title, compresses = true, loads, ...options }) => ({
    name,
    title,
    server: 'static',
    options,
    ours: options.by === 'ours',
    baseline: 'static-express',
    compresses,
    files: true,
    loads,
  })),
  {
    name: 'static-nginx',
    title: 'nginx',
    server: 'nginx',
    baseline: 'static-express',
    compresses: true,
    files: true,
    loads: files,
    needs: 'nginx',
  },
].map((variant) => ({
  options: {},
  nodeEnv: 'production',
  ours: false,
  compresses: false,
  files: false,
  ...variant,
}));

/** Whether a variant is measured under a load. A load that names its variants decides alone. */
export function runs(variant, load) {
  if (load.variants) return load.variants.includes(variant.name);
  return variant.files === load.files && (variant.loads?.includes(load.name) ?? true);
}

/** Whether the program that a variant or a load needs beside Node is installed. */
export function isAvailable({ needs }) {
  return needs === undefined || spawnSync('sh', ['-c', `command -v ${needs}`]).status === 0;
}
