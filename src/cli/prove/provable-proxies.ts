import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { DeploymentFacts } from '../../deploy/deployment-facts.js';
import { daemonParameters } from '../../deploy/varnish/daemon-parameters.js';

/** Where a proxy runs during a proof. */
export interface Place {
  /** A directory for its files and logs. */
  readonly directory: string;
  /** The port of 127.0.0.1 on which it listens. */
  readonly port: number;
  /** The instances behind it. */
  readonly upstreams: readonly string[];
  /** The directory of the project, for static files. */
  readonly project: string;
}

type Options = Readonly<Record<string, unknown>>;

/** A proxy whose file can be proven. */
export interface ProvableProxy {
  readonly command: string;
  /** The package of Debian that contains it. */
  readonly package: string;
  /** The options of the target with ports and paths of the proof. Options of TLS are left out. */
  options(given: Options, place: Place): object;
  /** Writes the files beside the generated one, and returns the arguments of the command. */
  prepare(file: string, place: Place, facts: DeploymentFacts): string[];
  /** Whether the file caches responses. */
  caches(options: Options): boolean;
  /** The largest body that the proxy accepts; `null` for any. */
  bodyLimit(options: Options, facts: DeploymentFacts): number | null;
}

const limitOf = ({ maxBodyBytes }: Options, { bodyLimitBytes }: DeploymentFacts): number | null =>
  typeof maxBodyBytes === 'number' ? maxBodyBytes : bodyLimitBytes;

const nginx: ProvableProxy = {
  command: 'nginx',
  package: 'nginx',
  options({ certificate, certificateKey, redirectFrom, ipv6, directory, cache, ...given }, place) {
    return {
      ...given,
      upstreams: place.upstreams,
      listen: `127.0.0.1:${place.port}`,
      ...(directory === undefined ? {} : { directory: place.project }),
      ...(cache === true ? { cache, cachePath: path.join(place.directory, 'cache') } : {}),
    };
  },
  prepare(file, { directory }) {
    mkdirSync(path.join(directory, 'tmp'));
    const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
    const lines = [
      'daemon off;',
      // nginx leaves root otherwise, and cannot enter the directory
      ...(process.getuid?.() === 0 ? ['user root;'] : []),
      'worker_processes 1;',
      'pid nginx.pid;',
      'error_log error.log;',
      'events { worker_connections 1024; }',
      'http {',
      '    access_log access.log;',
      ...kinds.map((kind) => `    ${kind}_temp_path tmp/${kind};`),
      `    include ${path.basename(file)};`,
      '}',
      '',
    ];
    writeFileSync(path.join(directory, 'nginx.conf'), lines.join('\n'));
    return ['-p', directory, '-c', 'nginx.conf', '-e', 'stderr'];
  },
  caches: ({ cache }) => cache === true,
  // the default of nginx
  bodyLimit: (options, facts) => limitOf(options, facts) ?? 2 ** 20,
};

const haproxy: ProvableProxy = {
  command: 'haproxy',
  package: 'haproxy',
  options: ({ certificate, ...given }, { directory, port, upstreams }) => ({
    ...given,
    upstreams,
    listen: `127.0.0.1:${port}`,
    statsSocket: path.join(directory, 'admin.sock'),
  }),
  prepare: (file) => ['-db', '-f', file],
  caches: () => false,
  bodyLimit: limitOf,
};

const varnish: ProvableProxy = {
  command: 'varnishd',
  package: 'varnish',
  options: (given, { upstreams }) => ({ ...given, upstreams }),
  prepare: (file, { directory, port }, facts) => [
    // its jail would leave root and could not enter the directory
    ...['-j', 'none', '-F', '-n', path.join(directory, 'work'), '-a', `127.0.0.1:${port}`],
    ...['-f', file, '-s', 'malloc,32m', ...daemonParameters(facts)],
  ],
  caches: () => true,
  bodyLimit: limitOf,
};

/** The targets that can be proven. */
export const provableProxies: Readonly<Record<string, ProvableProxy>> = { nginx, haproxy, varnish };
