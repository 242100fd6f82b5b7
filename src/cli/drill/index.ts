import { chooseWorkers } from '../../process/cluster/worker-count.js';
import { configOption, findConfig, findScript } from '../app-script.js';
import {
  type Arguments,
  type Command,
  exitCodes,
  jsonOption,
  UsageError,
  wholeNumber,
  workerCount,
} from '../command.js';
import { interruptible } from '../interruptible.js';
import { print, printError, progressLine } from '../output.js';
import { programFile } from '../own-files.js';
import { format, passed } from './drill-report.js';
import { CannotDrill } from './drilled-app.js';
import { drill as runDrill } from './run-drill.js';

export const drill: Command = {
  summary: 'prove on your app that a reload loses no request',
  synopsis: '<script> [options] [-- <arguments of the script>]',
  description: `Runs the script as \`start\` does, sends it traffic while all workers are replaced again and again, and prints how many
requests of each kind were lost. A status below 500 is a success, and so is the status that the path has without a
reload. Use a development database: the requests are real.

Exit codes: 0 when nothing was lost, 1 when something was, a worker died or a reload failed, 2 when the arguments are
wrong or the app does not start.`,
  options: {
    reloads: { type: 'string', value: '<n>', help: 'how often all workers are replaced; default: 10' },
    workers: {
      type: 'string',
      short: 'w',
      value: '<n|max>',
      help: 'the number of workers, 2 or more; default: 2',
    },
    path: { type: 'string', value: '<path>', help: 'the path of GET requests; default: /' },
    upload: { type: 'string', value: '<path>', help: 'also send uploads to this path, by POST' },
    sse: { type: 'string', value: '<path>', help: 'also read server-sent events from this path' },
    websocket: { type: 'string', value: '<path>', help: 'also open WebSockets on this path' },
    port: { type: 'string', value: '<port>', help: 'the port to send to, where the app listens on several' },
    seconds: { type: 'string', value: '<s>', help: 'the time for the start and the reloads; default: 300' },
    config: configOption,
    json: jsonOption,
  },
  examples: ['drill app.js', 'drill app.js --reloads 20 --sse /events --websocket /ws'],
  completes: 'file',
  async run(args) {
    const settings = settingsOf(args);
    return interruptible(async (signal) => {
      try {
        const progress = progressLine();
        const report = await runDrill(settings, signal, progress.update).finally(progress.clear);
        print(args.values.json ? JSON.stringify(report) : format(report));
        return passed(report) ? exitCodes.done : exitCodes.failed;
      } catch (error) {
        if (signal.aborted || !(error instanceof CannotDrill)) throw error;
        printError(`drill: ${error.message}`);
        return exitCodes.usage;
      }
    });
  },
};

function settingsOf(args: Arguments) {
  const { values, rest } = args;
  const script = findScript('drill', args);
  const text = (name: string) => values[name] as string | undefined;
  const number = (name: string, max: number) =>
    values[name] === undefined ? undefined : wholeNumber(`--${name}`, text(name) as string, max);
  const path = (name: string) => {
    const value = text(name);
    if (value === undefined || /^\/[\x21-\x7e]*$/.test(value)) return value;
    throw new UsageError(`--${name}: expected a path such as /health, got ${JSON.stringify(value)}`);
  };
  const given = values.workers === undefined ? 2 : workerCount('--workers', text('workers') as string);
  const workers = given === 'max' ? Math.max(2, chooseWorkers('max').count) : given;
  if (workers < 2) throw new UsageError('--workers: expected 2 or more, one worker cannot be replaced');
  return {
    program: programFile,
    script,
    config: findConfig(text('config'), script),
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
