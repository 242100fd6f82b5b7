import type { LoggerLevel } from '../logging/app-loggers.js';
import type { TaskResult } from '../process/cluster/control-protocol.js';
import { maxInt32 } from '../support/options.js';
import { type Command, durationMs, exitCodes, UsageError, wholeNumber } from './command.js';
import { duration, paint, print, printable, printError } from './output.js';
import { clusterOptions, requestOf, workerOption } from './running-cluster.js';

/** As that of a signal. */
const defaultMs = 300_000;
const limitMs = 5000;

export const logLevel: Command = {
  summary: 'print the log level, or change it for a time',
  synopsis: '[level] [options]',
  description: `Changes the level of the loggers of all apps, worker by worker, and restores it after five minutes. Without a level, it
prints the present ones. Workers that start later have the normal level. A pino, a bunyan or a winston of the app is changed, too.
Exit code 1 when a worker did not respond within 5 s, or has a logger that was not changed.`,
  options: {
    ...clusterOptions,
    worker: workerOption,
    for: { type: 'string', value: '<time>', help: 'such as 60s, 5m or 1h, or off for no limit; default: 5m' },
  },
  examples: ['log-level debug --for 60s', 'log-level'],
  completes: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
  async run(args) {
    const { values, positionals } = args;
    const [level, extra] = positionals;
    if (extra !== undefined) throw new UsageError(`log-level: unexpected argument ${JSON.stringify(extra)}`);
    if (level === undefined && values.for !== undefined)
      throw new UsageError('log-level: --for needs a level');
    const revertAfterMs =
      values.for === 'off' ? undefined : durationMs('--for', (values.for as string) ?? `${defaultMs}ms`);
    const worker =
      values.worker === undefined ? undefined : wholeNumber('--worker', values.worker as string, maxInt32);
    const response = await requestOf(args, {
      command: 'task',
      name: 'log-level',
      argument: level === undefined ? {} : { level, ...(revertAfterMs !== undefined && { revertAfterMs }) },
      ...(worker !== undefined && { worker }),
      limitMs,
    });
    if (!response.ok) {
      if (values.json) print(JSON.stringify(response));
      else printError(response.message);
      return exitCodes.failed;
    }
    const { results = [] } = response;
    if (values.json) print(JSON.stringify({ ok: !results.some(hasFailed), results }));
    else showLevels(results);
    return results.some(hasFailed) ? exitCodes.failed : exitCodes.done;
  },
  show(result) {
    const { message, results } = result as { message?: string; results?: readonly TaskResult[] };
    if (results) showLevels(results);
    else printError(printable(String(message)));
  },
};

function hasFailed({ result, error }: TaskResult): boolean {
  return error !== undefined || (result as LoggerLevel[]).some((each) => each.error !== undefined);
}

function showLevels(results: readonly TaskResult[]): void {
  for (const { worker, pid, result, error } of results) {
    const name = `worker ${worker} (${pid})`;
    if (error !== undefined) print(`${name}  ${paint('red', printable(error))}`);
    else for (const each of result as LoggerLevel[]) print(`${name}  ${describe(each)}`);
  }
}

function describe({ logger, level, before, revertsInMs, error }: LoggerLevel): string {
  const now = printable(level ?? 'no level');
  if (error !== undefined) return `${printable(logger)}  ${now}  ${paint('red', printable(error))}`;
  const change = before === undefined ? now : `${printable(before ?? 'no level')} → ${paint('bold', now)}`;
  const until = revertsInMs === undefined ? '' : `, the normal level again in ${duration(revertsInMs)}`;
  return `${printable(logger)}  ${change}${until}`;
}
