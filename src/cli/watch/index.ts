import path from 'node:path';
import type { DeploymentFacts } from '../../deploy/deployment-facts.js';
import type { Deployment } from '../../deploy/deployment-files.js';
import { hasOrigin } from '../../deploy/origin.js';
import { siteName } from '../../deploy/proxy-target.js';
import { type Arguments, exitCodes, UsageError, wholeNumber } from '../command.js';
import { interruptible } from '../interruptible.js';
import { print, printError } from '../output.js';
import { clusterOptions, everyMsOf } from '../running-cluster.js';
import { FollowedHost } from './followed-host.js';
import { type StatusSource, statusSources } from './status-source.js';
import { upstreamsIn, WatchedFile } from './watched-file.js';
import { watchedProxies } from './watched-proxies.js';
import { watchedUpstreams } from './watched-upstreams.js';

/** The flags of a watch. */
export const watchFlags = {
  watch: {
    type: 'string',
    value: '<hosts>',
    help: 'nginx, haproxy: take the upstreams from running clusters, until it is interrupted: local,user@host:dir',
  },
  every: { type: 'string', value: '<s>', help: '--watch: seconds between two states of a host; default: 1' },
  unseen: {
    type: 'string',
    value: '<s>',
    help: '--watch: seconds for which a host that does not respond remains; default: 30',
  },
  'reload-command': {
    type: 'string',
    value: '<command>',
    help: '--watch: checks the file and reloads the proxy; default: nginx -t && nginx -s reload',
  },
  'remote-node': { type: 'string', value: '<path>', help: '--watch: the node of other hosts; default: node' },
  name: clusterOptions.name,
  'runtime-dir': clusterOptions['runtime-dir'],
} as const;

/** Checks the flags of a watch. Returns its hosts, or `undefined` where none was requested. */
export async function watchedHosts(
  target: string,
  { values }: Arguments,
): Promise<readonly StatusSource[] | undefined> {
  if (values.watch === undefined) {
    const other = Object.keys(watchFlags).find((name) => values[name] !== undefined);
    if (other !== undefined) throw new UsageError(`--${other} belongs to --watch`);
    return undefined;
  }
  const known = Object.keys(watchedProxies);
  if (!known.includes(target)) throw new UsageError(`--watch: expected one of ${known.join(', ')}`);
  if (values.upstreams !== undefined) throw new UsageError('--upstreams: --watch finds the upstreams');
  if (values.out === undefined) throw new UsageError('--watch: pass --out, the directory of the file');
  return statusSources(values.watch as string);
}

export interface WatchSettings {
  readonly target: string;
  readonly facts: DeploymentFacts;
  readonly options: { readonly statsSocket?: string };
  readonly hosts: readonly StatusSource[];
  /** The file with these flags beside those of the command line. */
  generate(flags: Readonly<Record<string, string>>): Deployment;
}

/** Rewrites the upstreams of a proxy until a signal arrives. */
export async function watchUpstreams(settings: WatchSettings, args: Arguments): Promise<number> {
  const { target, facts, options, hosts } = settings;
  const { values } = args;
  const proxy = watchedProxies[target] as (typeof watchedProxies)[string];
  const everyMs = everyMsOf(args) ?? 1000;
  const unseen = values.unseen === undefined ? 30 : wholeNumber('--unseen', values.unseen as string, 86_400);
  const generated = (upstreams: readonly string[]) =>
    settings.generate({ ...proxy.flags, upstreams: upstreams.join() }).files[0] as {
      name: string;
      text: string;
    };
  const file = new WatchedFile(path.resolve(values.out as string, generated(['127.0.0.1:1']).name));
  const existing = file.text ?? '';
  if (existing !== '' && !hasOrigin(existing) && values.force !== true) {
    throw new UsageError(
      `deploy: ${JSON.stringify(file.file)} was not written by this command. --force replaces it.`,
    );
  }
  let previous = hasOrigin(existing) ? upstreamsIn(existing) : [];
  let applied: readonly string[] = [];
  let problem = '';
  const complain = (problems: readonly string[]): void => {
    const text = problems.join('\n');
    if (text !== problem && text !== '') printError(text);
    problem = text;
  };
  return interruptible(async (signal) => {
    let wake = (): void => {};
    const followed = hosts.map((host) => new FollowedHost(host, () => wake()));
    const ended = Promise.all(followed.map((host) => host.follow(args, everyMs, signal)));
    signal.addEventListener('abort', () => wake(), { once: true });
    while (!signal.aborted) {
      const { upstreams, problems } = watchedUpstreams(followed, performance.now(), {
        port: facts.port,
        isNamed: values.name !== undefined,
        unseenMs: unseen * 1000,
        previous,
      });
      const isKnown = followed.every((host) => host.clusters !== undefined || host.problem !== undefined);
      if (upstreams.length === 0 && isKnown)
        complain([...problems, 'No cluster is ready: the file remains as it is.']);
      else if (upstreams.length === 0 || upstreams.join() === applied.join()) complain(problems);
      else {
        const failure = await proxy.apply({
          file,
          text: generated(upstreams).text,
          upstreams,
          before: applied,
          command: values['reload-command'] as string | undefined,
          backend: `${siteName(facts)}_app`,
          socket: options.statsSocket ?? '/run/haproxy/admin.sock',
        });
        complain(failure === undefined ? problems : [...problems, failure]);
        if (failure === undefined) {
          applied = upstreams;
          previous = [...upstreams];
          print(
            values.json
              ? JSON.stringify({ file: file.file, upstreams })
              : `upstreams: ${upstreams.join(', ')}`,
          );
        }
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, everyMs);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    await ended;
    return exitCodes.done;
  });
}
