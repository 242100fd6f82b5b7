import { once } from 'node:events';
import http from 'node:http';
import { buffer } from 'node:stream/consumers';
import zlib from 'node:zlib';
import { closedLoop, connect } from './connections.js';
import { capacityOf, p99At } from './many-clients.js';
import { startServer } from './server-process.js';
import { turnsOf } from './statistics.js';

const longestWarmUpMs = 10_000;
const warmUpSliceSeconds = 1;
const coldRequests = 2000;
const coldConnections = 16;

const measures = { cpu: cpuPerRequest, cold: oneByOne(cpuOfFirstRequests), p99: oneByOne(p99) };

/**
 * Measures every variant once under one load, each in a new process. Returns the figure of each by its name. `bodies`
 * has the first body that was received for each load, with which all others are compared.
 */
export function measureRound(load, variants, settings) {
  return measures[load.figure](load, variants, settings);
}

/** Measures one variant after another. */
function oneByOne(measure) {
  return async (load, variants, settings) => {
    const capacities = {};
    const figures = {};
    for (const variant of variants) {
      settings.progress(variant.name);
      figures[variant.name] = await measure(load, variant, { ...settings, variants, capacities });
    }
    return figures;
  };
}

/** Checks the response of every variant without measuring anything. */
export async function checkResponses(load, variants, { progress, ...settings }) {
  for (const variant of variants) {
    progress(variant.name);
    await withServer(load, variant, settings, (server) => check(server, load, variant, settings));
  }
}

/**
 * Microseconds of CPU of each server per request, after a warm-up. All servers run at once and take turns: a machine that
 * is slower for some seconds is slower for all of them. CPU is counted in a server's own turns only.
 */
async function cpuPerRequest(load, variants, settings) {
  const { generator, nodeBinary, progress, seconds } = settings;
  const measured = [];
  try {
    for (const variant of variants) {
      progress(variant.name);
      const server = await startServer(variant, nodeBinary, load);
      measured.push({ variant, server, microseconds: 0, requests: 0 });
      await check(server, load, variant, settings);
      await warmUp(server, load, settings);
    }
    for (const one of turnsOf(measured, seconds)) {
      const before = await one.server.cpu();
      const counts = await generator.fire(one.server.origin, load, Math.min(seconds, 1));
      one.microseconds += (await one.server.cpu()) - before;
      one.requests += counts.requests;
      refuseErrors(load, one.variant, counts);
    }
  } finally {
    await Promise.all(measured.map(({ server }) => server.stop()));
  }
  return Object.fromEntries(
    measured.map(({ variant, microseconds, requests }) => [variant.name, microseconds / requests]),
  );
}

/** Microseconds of CPU of the server per request, over the first requests after it listens. */
function cpuOfFirstRequests(load, variant, settings) {
  return withServer(load, variant, settings, async (server) => {
    const before = await server.cpu();
    await check(server, load, variant, settings);
    const { connections, close } = await connect(server.origin, load, coldConnections);
    const counts = await closedLoop(connections, { amount: coldRequests - 1 });
    const after = await server.cpu();
    close();
    refuseErrors(load, variant, counts);
    return (after - before) / coldRequests;
  });
}

/** The p99 latency in milliseconds, at a rate that depends on what the baseline is capable of in the same round. */
async function p99(load, variant, settings) {
  const { capacities, seconds, variants } = settings;
  const ready = async (server, of) => {
    await check(server, load, of, settings);
    await warmUp(server, load, settings);
  };
  const baseline = variants.find(({ name }) => name === variant.baseline);
  capacities[baseline.name] ??= await withServer(load, baseline, settings, async (server) => {
    await ready(server, baseline);
    return capacityOf(server, load, seconds);
  });
  return withServer(load, variant, settings, async (server) => {
    await ready(server, variant);
    return p99At(server, load, { capacity: capacities[baseline.name], seconds });
  });
}

async function withServer(load, variant, { nodeBinary }, use) {
  const server = await startServer(variant, nodeBinary, load);
  try {
    return await use(server);
  } finally {
    await server.stop();
  }
}

/**
 * Code is optimized after so many calls, not after so many seconds: a slow server, or a busy machine, needs longer.
 */
async function warmUp({ origin }, load, { generator, warmup }) {
  const start = performance.now();
  let requests = 0;
  while (requests < warmup && performance.now() - start < longestWarmUpMs) {
    requests += (await generator.fire(origin, load, warmUpSliceSeconds)).requests;
  }
}

function refuseErrors(load, variant, { requests, errorStatus, failed }) {
  const expected = load.status < 400 ? 0 : requests;
  if (requests > 0 && failed === 0 && errorStatus === expected) return;
  const counts = `${requests} requests, ${errorStatus} with an error status, ${failed} failed connections`;
  throw new Error(`${variant.name} under ${load.name}: ${counts}`);
}

/** A wrong response can be a fast one: one request before anything is measured. */
export async function check({ origin }, load, variant, { bodies }) {
  const { status, encoding, body } = await request(origin, load);
  const compressed = load.encoded && variant.compresses;
  if (status !== load.status || body.length === 0 || (encoding !== undefined) !== compressed) {
    const got = `${status}, ${body.length} bytes, Content-Encoding ${encoding ?? 'none'}`;
    throw new Error(`${variant.name} under ${load.name}: expected ${load.status}, got ${got}`);
  }
  if (!load.sameBody) return;
  if (!bodies.has(load.name)) bodies.set(load.name, { body, variant });
  const first = bodies.get(load.name);
  if (body.equals(first.body)) return;
  const [got, expected] = [body, first.body].map((each) => each.toString().slice(0, 200));
  throw new Error(
    `${variant.name} under ${load.name}: expected the body of ${first.variant.name}, ${expected}, got ${got}`,
  );
}

const decoders = { gzip: zlib.gunzipSync, br: zlib.brotliDecompressSync };

/** One request with no header but those of the load; fetch would add its own. */
async function request(origin, { path, method, headers, body }) {
  const sent = http.request(origin + path, { method, headers, agent: false });
  sent.end(body);
  const [response] = await once(sent, 'response');
  const encoding = response.headers['content-encoding'];
  const received = await buffer(response);
  return {
    status: response.statusCode,
    encoding,
    body: decoders[encoding]?.(received) ?? received,
  };
}
