import { once } from 'node:events';
import http from 'node:http';
import { arrayBuffer } from 'node:stream/consumers';
import { startServer } from './server-process.js';
import { rotated } from './statistics.js';

const longestWarmUpMs = 10_000;
const warmUpSliceSeconds = 1;

/**
 * Measures variants under one load, in rounds: each round has every variant once, in a new process. Returns for each
 * variant the microseconds of CPU per request of its server, one figure per round.
 */
export async function measureLoad(load, variants, settings) {
  const { rounds, progress } = settings;
  const costs = Object.fromEntries(variants.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const variant of rotated(variants, round, rounds)) {
      progress(`${load.name}, round ${round + 1} of ${rounds}: ${variant.name}`);
      costs[variant.name].push(await cpuPerRequest(load, variant, settings));
    }
  }
  return costs;
}

async function cpuPerRequest(load, variant, { nodeBinary, generator, seconds, warmup }) {
  const server = await startServer(variant, nodeBinary, load);
  try {
    await probe(server.origin, load, variant);
    await warmUp(server, load, generator, warmup);
    const before = await server.cpu();
    const { requests, errorStatus, failed } = await generator.fire(server.origin, load, seconds);
    const after = await server.cpu();
    const expected = load.status < 400 ? 0 : requests;
    if (requests === 0 || failed > 0 || errorStatus !== expected) {
      const counts = `${requests} requests, ${errorStatus} with an error status, ${failed} failed connections`;
      throw new Error(`${variant.name} under ${load.name}: ${counts}`);
    }
    return (after - before) / requests;
  } finally {
    await server.stop();
  }
}

/**
 * Code is optimized after so many calls, not after so many seconds: a slow server, or a busy machine, needs longer.
 */
async function warmUp({ origin }, load, generator, warmup) {
  const start = performance.now();
  let requests = 0;
  while (requests < warmup && performance.now() - start < longestWarmUpMs) {
    requests += (await generator.fire(origin, load, warmUpSliceSeconds)).requests;
  }
}

/** A wrong answer can be a fast one: asks once before anything is measured. */
async function probe(origin, load, variant) {
  const { status, encoding, bytes } = await ask(origin, load);
  const compressed = load.encoded && variant.compresses;
  if (status === load.status && bytes > 0 && (encoding !== undefined) === compressed) return;
  const answer = `${status}, ${bytes} bytes, Content-Encoding ${encoding ?? 'none'}`;
  throw new Error(`${variant.name} under ${load.name}: expected ${load.status}, got ${answer}`);
}

/** One request with no header but those of the load; fetch would add its own. */
async function ask(origin, { path, method, headers, body }) {
  const request = http.request(origin + path, { method, headers, agent: false });
  request.end(body);
  const [response] = await once(request, 'response');
  const { byteLength } = await arrayBuffer(response);
  return { status: response.statusCode, encoding: response.headers['content-encoding'], bytes: byteLength };
}
