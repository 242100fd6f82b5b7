import { type Arguments, type Command, exitCodes } from '../command.js';
import { type Host, hostsOf } from '../hosts/host.js';
import { interruptible } from '../interruptible.js';
import { print, printable, printError } from '../output.js';
import { clusterOptions, everyMsOf, everyOption, noCluster, noMore } from '../running-cluster.js';
import { FollowedHosts } from './followed-hosts.js';
import { runKey, wordsOf } from './top-keys.js';
import { TopScreen } from './top-screen.js';
import { drawTop, howToMeasure, summaryOf } from './top-view.js';

const defaultEveryMs = 2000;

export const top: Command = {
  summary: 'show requests, routes and workers while they run',
  synopsis: '[options]',
  description: `Shows the clusters of this user until q is pressed: the rates of requests and errors, the busiest routes, and the event
loop and memory of each worker. + and - change the number of workers, r reloads, p takes a profile of the CPU, tab selects another
cluster. Without a terminal, it prints one line for each cluster and time. Requests and routes need the part \`metrics\`.`,
  options: {
    ...clusterOptions,
    every: { ...everyOption, help: 'the seconds between two states; default: 2' },
  },
  examples: ['top', 'top --on deployer@web1,deployer@web2'],
  followsHosts: true,
  run(args) {
    noMore('top', args.positionals);
    const hosts = args.values.on === undefined ? undefined : hostsOf(args);
    const everyMs = everyMsOf(args) ?? defaultEveryMs;
    const isLive = process.stdout.isTTY && !args.values.json;
    return interruptible((signal) => {
      const end = new AbortController();
      signal.addEventListener('abort', () => end.abort(), { once: true });
      return (isLive ? showLive : printLines)(hosts, args, everyMs, end);
    });
  },
};

async function showLive(
  hosts: readonly Host[] | undefined,
  args: Arguments,
  everyMs: number,
  end: AbortController,
): Promise<number> {
  const quit = (): void => end.abort();
  const choice = { selected: 0, message: '' };
  const followed = new FollowedHosts(hosts, args, everyMs, () => draw());
  const screen = new TopScreen(onKey, () => draw(), quit);
  const draw = (): void => screen.draw(drawTop(followed.states, choice, screen.columns, screen.rows));
  const report = (message: string): void => {
    choice.message = printable(message);
    draw();
  };

  function onKey(key: string): void {
    if (key === 'q' || key === '\x03') quit();
    const all = followed.states.flatMap(({ clusters }, i) => clusters.map((cluster) => ({ cluster, i })));
    const step = { '\t': 1, '\x1b[B': 1, '\x1b[A': -1 }[key];
    if (step !== undefined && all.length > 0) {
      choice.selected = (choice.selected + step + all.length) % all.length;
      draw();
    }
    const chosen = all[choice.selected];
    const words = chosen && wordsOf(key, chosen.cluster.target);
    if (!words) return;
    const host = hosts?.[chosen.i] ?? { text: 'local', remote: undefined, inDirectory: false };
    report(`${words.join(' ')} …`);
    void runKey(key, chosen.cluster, host, args, end.signal).then(report);
  }

  try {
    draw();
    await followed.follow(end.signal);
    return exitCodes.done;
  } finally {
    screen.close();
  }
}

async function printLines(
  hosts: readonly Host[] | undefined,
  args: Arguments,
  everyMs: number,
  end: AbortController,
): Promise<number> {
  const stop = (): void => end.abort();
  // the reader of a pipe has ended
  process.stdout.once('error', stop);
  let code: number = exitCodes.done;
  let hasHint = false;
  const followed = new FollowedHosts(hosts, args, everyMs, (state) => {
    const { host, clusters, problem } = state;
    if (args.values.json) {
      print(JSON.stringify(state));
      return;
    }
    if (host === null && problem === null && clusters.length === 0) {
      printError(noCluster(args));
      code = exitCodes.failed;
      stop();
    }
    const begin = `${new Date().toTimeString().slice(0, 8)}${host === null ? '' : `  ${printable(host)}`}`;
    if (problem !== null) printError(`${begin}  ${printable(problem)}`);
    for (const cluster of clusters) print(`${begin}  ${summaryOf(cluster)}`);
    if (hasHint || clusters.every(({ measured }) => measured)) return;
    hasHint = true;
    printError(howToMeasure);
  });
  await followed.follow(end.signal);
  return code;
}
