import { text } from 'node:stream/consumers';
import type { ControlResponse } from '../../process/cluster/control-protocol.js';
import { attempt } from '../../support/attempt.js';
import { type Arguments, type Command, exitCodes, UsageError } from '../command.js';
import { interruptible } from '../interruptible.js';
import { paint, print, printable, printError } from '../output.js';
import { argumentsOn, type Host, hostsOf } from './host.js';
import { startOn } from './host-process.js';

const defaultLimitMs = 30_000;

/** What a command printed on a host with `--json`, or why it printed nothing. */
export interface HostResult {
  readonly host: string;
  readonly ok: boolean;
  readonly result?: unknown;
  readonly error?: string;
}

/** Runs a command on all hosts of `--on`. A failed host does not hide the others, and makes the exit code 1. */
export function onHosts(name: string, command: Command, args: Arguments): Promise<number> {
  if (args.values.every !== undefined)
    throw new UsageError(`${name}: --every is for this host, without --on`);
  const hosts = hostsOf(args);
  const words = argumentsOn(name, args);
  const limitMs = command.hostLimitMs?.(args) ?? defaultLimitMs;
  return interruptible(async (signal) => {
    const run = (host: Host): Promise<HostResult> => runOn(host, args, words, limitMs, signal);
    const results: HostResult[] = [];
    const pending = command.hostByHost ? hosts : hosts.map(run);
    for (const [i, each] of pending.entries()) {
      const before = command.hostByHost && results.find(({ ok }) => !ok);
      const host = (hosts[i] as Host).text;
      const result = before
        ? { host, ok: false, error: `nothing was done, because ${before.host} failed` }
        : await (each instanceof Promise ? each : run(each));
      results.push(result);
      if (!args.values.json) showResult(result, command, args);
    }
    if (args.values.json) print(JSON.stringify(results));
    return results.every(({ ok }) => ok) ? exitCodes.done : exitCodes.failed;
  });
}

/** Runs a command on one host, for at most a time. It never rejects. */
export async function runOn(
  host: Host,
  { values }: Pick<Arguments, 'values'>,
  words: readonly string[],
  limitMs: number,
  signal: AbortSignal,
): Promise<HostResult> {
  const running = startOn(host, (values['remote-node'] as string | undefined) ?? 'node', words);
  let error: string | undefined;
  const limit = setTimeout(() => {
    error = `no result within ${limitMs / 1000} s`;
    running.kill();
  }, limitMs);
  signal.addEventListener('abort', running.kill, { once: true });
  try {
    const [output, code] = await Promise.all([
      text(running.child.stdout as NodeJS.ReadableStream),
      running.ended,
    ]);
    const result: unknown = attempt(() => JSON.parse(output));
    if (error === undefined && result !== undefined) return { host: host.text, ok: code === 0, result };
    const reason =
      running.reason(code) || (output === '' ? `it ended with ${code}` : 'its output is no JSON');
    return { host: host.text, ok: false, error: error ?? reason };
  } catch (failure) {
    return { host: host.text, ok: false, error: (failure as Error).message };
  } finally {
    clearTimeout(limit);
    signal.removeEventListener('abort', running.kill);
  }
}

function showResult({ host, result, error }: HostResult, command: Command, args: Arguments): void {
  print(paint('bold', host));
  if (error !== undefined) {
    printError(paint('red', `${host}: ${printable(error)}`, process.stderr));
    return;
  }
  try {
    if (command.show) command.show(result, args);
    else showMessage(result as ControlResponse);
  } catch {
    printError(paint('red', `${host}: it runs another version of this program`, process.stderr));
  }
}

function showMessage({ ok, message }: ControlResponse): void {
  for (const line of message.split('\n')) (ok ? print : printError)(printable(line));
}
