import http from 'node:http';
import type { LookupFunction } from 'node:net';
import { maxInt32 } from '../support/options.js';
import { type Command, exitCodes, jsonOption, UsageError, wholeNumber } from './command.js';
import { print, printError } from './output.js';

export const health: Command = {
  summary: 'request a health check of the app on this machine',
  synopsis: '[options]',
  description: `Requests one path of the app on loopback and prints one line. Exit code 0 for a status of 200 to 299, and 1 for any
other status, a refused connection or no response in time. It is for HEALTHCHECK of a Dockerfile: slim images lack curl.`,
  options: {
    port: { type: 'string', value: '<n>', help: 'the port of the app; default: PORT' },
    path: { type: 'string', value: '<path>', help: 'the path to request; default: /livez' },
    timeout: {
      type: 'string',
      value: '<ms>',
      help: 'milliseconds until the check has failed; default: 2000',
    },
    json: jsonOption,
  },
  examples: ['health', 'health --port 3000 --path /readyz --timeout 500'],
  async run({ values, positionals: [extra] }) {
    if (extra !== undefined) throw new UsageError(`health: unexpected argument ${JSON.stringify(extra)}`);
    const port = portOf(values.port as string | undefined, process.env.PORT);
    const path = pathOf((values.path ?? '/livez') as string);
    const timeoutMs = wholeNumber('--timeout', (values.timeout ?? '2000') as string, maxInt32);
    const { ok, result } = await requestHealth(port, path, timeoutMs);
    if (values.json) print(JSON.stringify({ ok, port, path, result }));
    else (ok ? print : printError)(`${path} on port ${port}: ${result}`);
    return ok ? exitCodes.done : exitCodes.failed;
  },
};

function portOf(given: string | undefined, variable: string | undefined): number {
  if (given !== undefined) return wholeNumber('--port', given, 65_535);
  if (variable) return wholeNumber('PORT', variable, 65_535);
  throw new UsageError('health: expected --port, or PORT in the environment');
}

function pathOf(path: string): string {
  if (/^\/[!-~]*$/.test(path)) return path;
  throw new UsageError(`--path: expected a path such as /livez, got ${JSON.stringify(path)}`);
}

/** An image may have no entry for localhost, and the app may listen on one family of addresses only. */
const loopback: LookupFunction = (_name, _options, callback) =>
  callback(null, [
    { address: '127.0.0.1', family: 4 },
    { address: '::1', family: 6 },
  ]);

interface Health {
  readonly ok: boolean;
  /** The status, or why there is none. */
  readonly result: string;
}

function requestHealth(port: number, path: string, timeoutMs: number): Promise<Health> {
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(timeoutMs);
    // one address is refused immediately where the app listens on the other one only
    const request = http.get({ host: 'localhost', lookup: loopback, port, path, agent: false, signal });
    request.once('response', (response) => {
      const { statusCode: status = 0, statusMessage } = response;
      resolve({ ok: status >= 200 && status < 300, result: `${status} ${statusMessage}`.trim() });
      // the status is the result; a body without an end must not delay the exit
      response.on('error', () => {}).destroy();
    });
    request.on('error', (error: NodeJS.ErrnoException) => {
      const reason = signal.aborted ? `no response within ${timeoutMs} ms` : (error.code ?? error.message);
      resolve({ ok: false, result: reason });
    });
  });
}
