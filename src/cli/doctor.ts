import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Severity } from '../doctor/audit-finding.js';
import { CannotExamine } from '../doctor/examined-app.js';
import { type AuditReport, audit } from '../doctor/index.js';
import { envFileArgs } from '../doctor/script-runner.js';
import { findScript } from './app-script.js';
import { type Arguments, type Command, exitCodes, UsageError, wholeNumber } from './command.js';
import { baselineFlags, baselineOf } from './doctor-baseline.js';
import { filterFlags, filtersOf } from './doctor-filters.js';
import { fixFlags, fixOf } from './doctor-fix.js';
import { outputFlags, outputOf } from './doctor-outputs.js';
import { printError, progressLine } from './output.js';

const severities = ['low', 'medium', 'high', 'never'] as const;

export const doctor: Command = {
  summary: 'audit an Express app against the guide to production best practices, with a score',
  synopsis: '<script | --url URL> [options] [-- <arguments of the script>]',
  description: `Runs the script on free ports of 127.0.0.1, requests its routes without parameters by GET, sends it SIGTERM and, in a
second start, an exception, and reports what differs from the guide, with the reason and the fix. The app needs no
change and no dependency. Its code runs, with your environment: use a development database.

With --url, a running app receives GET requests, and what its responses show is examined.

Exit codes: 0 when no fault is as severe as --fail-on, 1 when one is, 2 when the arguments are wrong or the app does not
start.`,
  options: {
    url: { type: 'string', value: '<url>', help: 'audit a running app from outside, without a script' },
    preview: { type: 'boolean', help: 'also audit the app with productionize(app), and show both' },
    paths: {
      type: 'string',
      value: '<paths>',
      help: 'further paths to request, such as /users/1,/search?q=a',
    },
    param: {
      type: 'string',
      value: '<name=value>',
      help: 'values of parameters of routes, such as id=42,slug=news',
    },
    unsafe: { type: 'boolean', help: 'also request routes that change something' },
    'env-file': { type: 'string', value: '<file>', help: 'a file with variables for the app' },
    'fail-on': { type: 'string', value: '<severity>', help: 'low, medium, high or never; default: high' },
    ci: { type: 'boolean', help: 'send no signal, no exception and no load' },
    seconds: { type: 'string', value: '<s>', help: 'the time for a start of the app; default: 30' },
    ...fixFlags,
    ...filterFlags,
    ...baselineFlags,
    ...outputFlags,
  },
  examples: ['doctor server.js', 'doctor server.js --preview --paths /users/1'],
  completes: 'file',
  async run(args) {
    const { values, rest } = args;
    const url = urlOf(args);
    const script = url ? path.resolve('package.json') : findScript('doctor', args);
    const name = url?.href ?? path.relative('', script);
    const failOn = severityOf(args);
    const { only, silenced } = filtersOf(args, script);
    const baseline = baselineOf(args);
    const show = outputOf(args);
    const fix = fixOf(args);
    const options = {
      ...{ only, silence: silenced },
      args: rest,
      envFile: envFileOf(args),
      params: paramsOf(args),
      unsafe: Boolean(values.unsafe),
      paths: pathsOf(args),
      signals: !values.ci,
      timeoutMs:
        (values.seconds === undefined ? 30 : wholeNumber('--seconds', String(values.seconds), 3600)) * 1000,
    };
    const progress = progressLine();
    try {
      progress.update(`examining ${name}`);
      const { paths } = options;
      const before = await (url ? audit(url, { paths, only, silence: silenced }) : audit(script, options));
      progress.update(`examining ${name} with productionize(app)`);
      const after = values.preview ? await audit(script, { ...options, preview: true }) : undefined;
      progress.clear();
      const result = baseline.write(baseline.mark(after ?? before));
      show(name, after ? baseline.mark(before) : result, after && result);
      const { envFile, timeoutMs } = options;
      const nodeArgs = envFileArgs(envFile);
      await fix({ script, args: rest, env: {}, config: undefined, nodeArgs, preview: false, timeoutMs });
      return isFailed(result, failOn) ? exitCodes.failed : exitCodes.done;
    } catch (error) {
      progress.clear();
      if (!(error instanceof CannotExamine)) throw error;
      printError(`doctor: ${error.message}`);
      return exitCodes.usage;
    }
  },
};

function urlOf({ values, positionals, rest }: Arguments): URL | undefined {
  if (values.url === undefined) return undefined;
  const other = ['preview', 'param', 'unsafe', 'env-file', 'ci', 'seconds'].find((flag) => values[flag]);
  if (other !== undefined) throw new UsageError(`--url: --${other} requires a script`);
  if (positionals.length + rest.length > 0) throw new UsageError('--url: expected no script');
  const url = URL.canParse(String(values.url)) ? new URL(String(values.url)) : undefined;
  if (url && /^https?:$/.test(url.protocol) && !url.username && !url.password) return url;
  throw new UsageError(`--url: expected http:// or https:// and a host, got ${JSON.stringify(values.url)}`);
}

function isFailed({ findings }: AuditReport, failOn: (typeof severities)[number]): boolean {
  const least = severities.indexOf(failOn);
  return findings.some(
    ({ severity, known }) => !known && severities.indexOf(severity satisfies Severity) >= least,
  );
}

function severityOf({ values }: Arguments): (typeof severities)[number] {
  const given = values['fail-on'] ?? 'high';
  const found = severities.find((each) => each === given);
  if (found !== undefined) return found;
  throw new UsageError(`--fail-on: expected one of ${severities.join(', ')}, got ${JSON.stringify(given)}`);
}

function paramsOf({ values }: Arguments): Record<string, string> {
  const pairs = values.param === undefined ? [] : String(values.param).split(',');
  return Object.fromEntries(
    pairs.map((pair) => {
      const [, name, value] = /^(\w+)=(.+)$/s.exec(pair) ?? [];
      if (name !== undefined && value !== undefined) return [name, value];
      throw new UsageError(`--param: expected values such as id=42, got ${JSON.stringify(pair)}`);
    }),
  );
}

function envFileOf({ values }: Arguments): string | undefined {
  const named = values['env-file'];
  if (named === undefined) return undefined;
  if (existsSync(String(named))) return String(named);
  throw new UsageError(`--env-file: there is no file ${JSON.stringify(named)}`);
}

function pathsOf({ values }: Arguments): string[] {
  const paths = values.paths === undefined ? [] : String(values.paths).split(',');
  const wrong = paths.find((each) => !/^\/[\x21-\x7e]*$/.test(each));
  if (wrong === undefined) return paths;
  throw new UsageError(`--paths: expected paths such as /users/1, got ${JSON.stringify(wrong)}`);
}
