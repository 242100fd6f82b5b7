import { realpathSync } from 'node:fs';
import os from 'node:os';
import { maxWorkers } from '../../process/cluster/worker-count.js';
import { type Arguments, type Command, exitCodes, print, UsageError, wholeNumber } from '../command.js';
import { findScript } from '../start.js';
import { format, passed } from './drill-report.js';
import { CannotDrill } from './drilled-app.js';
import { drill as runDrill } from './run-drill.js';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export const drill: Command = {
  summary: 'prove on your app that a reload loses no request',
  usage: `<script> [options] [-- <arguments of the script>]

Runs the script as \`start\` does, sends it traffic while all workers are replaced again and again, and prints what was
lost of each kind. Any status below 500 is an answer, and so is the one the path has while nothing happens. Use a
development database: the requests are real.

  --reloads <n>         how often all workers are replaced; default 10
  -w, --workers <n>     how many workers, 2 or more; default 2
  --path <path>         what is asked for by GET; default /
  --upload <path>       sends uploads there, too, by POST
  --sse <path>          listens to server-sent events there, too
  --websocket <path>    opens WebSockets there, too
  --port <port>         the port to send to, where the app listens on several
  --seconds <s>         the time for the start and the reloads; default 300
  --json                one JSON object instead of the table

Exit codes: 0 when nothing was lost, 1 when something was, a worker died or a reload failed, 2 when the arguments are
wrong or the app does not start.`,
  options: {
    reloads: { type: 'string' },
    workers: { type: 'string', short: 'w' },
    path: { type: 'string' },
    upload: { type: 'string' },
    sse: { type: 'string' },
    websocket: { type: 'string' },
    port: { type: 'string' },
    seconds: { type: 'string' },
    json: { type: 'boolean' },
  },
  async run(args) {
    const settings = settingsOf(args);
    const abort = new AbortController();
    let code: number | undefined;
    const interrupt = (signal: NodeJS.Signals): void => {
      // a second one waits for nobody: the app ends with this process
      if (code !== undefined) process.exit(code);
      code = 128 + os.constants.signals[signal];
      abort.abort();
    };
    for (const signal of signals) process.on(signal, interrupt);
    try {
      const report = await runDrill(settings, abort.signal);
      print(args.values.json ? JSON.stringify(report) : format(report));
      return passed(report) ? exitCodes.done : exitCodes.failed;
    } catch (error) {
      if (code !== undefined) return code;
      if (!(error instanceof CannotDrill)) throw error;
      process.stderr.write(`drill: ${error.message}\n`);
      return exitCodes.usage;
    } finally {
      for (const signal of signals) process.off(signal, interrupt);
    }
  },
};

function settingsOf({ values, positionals, rest }: Arguments) {
  const [script, ...more] = positionals;
  if (script === undefined) throw new UsageError('drill: expected the script of an app');
  if (more.length > 0) {
    throw new UsageError(
      `drill: unexpected argument ${JSON.stringify(more[0])}. Arguments of the script stand behind \`--\`.`,
    );
  }
  const text = (name: string) => values[name] as string | undefined;
  const number = (name: string, max: number) =>
    values[name] === undefined ? undefined : wholeNumber(`--${name}`, text(name) as string, max);
  const path = (name: string) => {
    const value = text(name);
    if (value === undefined || /^\/[\x21-\x7e]*$/.test(value)) return value;
    throw new UsageError(`--${name}: expected a path such as /health, got ${JSON.stringify(value)}`);
  };
  const workers = number('workers', maxWorkers) ?? 2;
  if (workers < 2) throw new UsageError('--workers: expected 2 or more, one worker cannot be replaced');
  return {
    program: realpathSync(process.argv[1] as string),
    script: findScript('drill', script),
    args: rest,
    workers,
    reloads: number('reloads', 1000) ?? 10,
    seconds: number('seconds', 86_400) ?? 300,
    port: number('port', 65_535),
    path: path('path') ?? '/',
    uploadPath: path('upload'),
    eventsPath: path('sse'),
    webSocketPath: path('websocket'),
  };
}
