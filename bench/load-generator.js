import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { onSharedCore } from './one-core.js';

const connections = 16;
const run = promisify(execFile);

/**
 * The load generator: wrk where it is installed, else autocannon. Both keep 16 connections busy for some seconds, and
 * say how many requests were completed, how many of them with a status of 400 or more, and how many connections
 * failed.
 */
export function loadGenerator(name = hasWrk() ? 'wrk' : 'autocannon') {
  return name === 'wrk' ? wrk() : autocannon();
}

function hasWrk() {
  return spawnSync('wrk', ['--version']).error === undefined;
}

function wrk() {
  const folder = mkdtempSync(path.join(tmpdir(), 'bench-'));
  return {
    name: 'wrk',
    async fire(origin, load, seconds) {
      const script = path.join(folder, `${load.name}.lua`);
      writeFileSync(script, wrkScript(load));
      // wrk knows whole seconds only
      const duration = `-d${Math.max(1, Math.round(seconds))}s`;
      const command = [...onSharedCore(load), 'wrk', '-t1', `-c${connections}`, duration, '-s', script];
      const { stdout } = await run(command[0], [...command.slice(1), origin + load.path]);
      return JSON.parse(stdout.trim().split('\n').at(-1));
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** A load as a script for wrk. Strings are ASCII, for which JSON and Lua agree. */
export function wrkScript({ method, headers, body }) {
  return [
    `wrk.method = ${JSON.stringify(method)}`,
    ...Object.entries(headers).map(
      ([name, value]) => `wrk.headers[${JSON.stringify(name)}] = ${JSON.stringify(value)}`,
    ),
    ...(body ? [`wrk.body = ${JSON.stringify(body)}`] : []),
    'function done(summary)',
    '  local e = summary.errors',
    '  local failed = e.connect + e.read + e.write + e.timeout',
    '  local result = \'{"requests":%d,"errorStatus":%d,"failed":%d}\\n\'',
    '  io.write(string.format(result, summary.requests, e.status, failed))',
    'end',
    '',
  ].join('\n');
}

function autocannon() {
  return {
    name: 'autocannon',
    async fire(origin, { path, method, headers, body }, seconds) {
      const { default: fire } = await import('autocannon');
      const request = { url: origin + path, method, headers, ...(body && { body }) };
      const result = await fire({ ...request, connections, duration: seconds, sampleInt: 100 });
      const errorStatus = result['4xx'] + result['5xx'];
      return {
        requests: result['1xx'] + result['2xx'] + result['3xx'] + errorStatus,
        errorStatus,
        failed: result.errors,
      };
    },
    close() {},
  };
}
