import { type Deployment, deploymentFiles } from '../deploy/deployment-files.js';
import { shellWord } from '../deploy/shell-word.js';
import { type TargetName, targets } from '../deploy/targets/index.js';
import { configOption } from './app-script.js';
import { type Arguments, type Command, didYouMean, exitCodes, jsonOption, UsageError } from './command.js';
import { checkFiles } from './deploy-check.js';
import { correctionFlags, correctionsOf, targetFlags, targetOptions } from './deploy-flags.js';
import { describedApp } from './described-app.js';
import { program } from './help.js';
import { print, printError } from './output.js';
import { writeOwnFiles } from './own-file-writer.js';
import { proofFlags, proofPaths, proveTarget } from './prove/index.js';
import { installFlags, installs, installUnits } from './unit-install.js';
import { usualScript } from './usual-script.js';
import { watchedHosts, watchFlags, watchUpstreams } from './watch/index.js';

const ownFlags = {
  config: configOption,
  port: { type: 'string', value: '<port>', help: 'the port to describe, where the app listens on several' },
  seconds: { type: 'string', value: '<s>', help: 'the time for a start of the app; default: 30' },
  out: { type: 'string', value: '<dir>', help: 'write the files into this directory' },
  force: { type: 'boolean', help: 'also replace files that this command has not written' },
  check: { type: 'boolean', help: 'compare existing files with the app instead: --check [file…] [script]' },
  ...installFlags,
  json: jsonOption,
} as const;

/** Flags that are no part of the command in the first comment: they do not change the files. */
const withoutEffect = new Set([
  ...['check', 'dry-run', 'force', 'help', 'install', 'json', 'seconds'],
  ...Object.keys(watchFlags),
]);

const list = Object.entries(targets)
  .map(([name, { summary }]) => `  ${name.padEnd(11)} ${summary}`)
  .join('\n');

export const deploy: Command = {
  summary: 'write a configuration around the app, from the settings of the app',
  synopsis: '<target> [script] | --check [file…] [script] [options] [-- <arguments of the script>]',
  description: `Runs the script, reads its settings, kills it, and prints the file of the target. Several files are written into the
working directory, or into that of --out. The app listens on free ports instead of its own and receives no request, but
its code runs: use a development database. Without a script, the one of \`npm start\` or of the key \`main\` is run.

Targets:

${list}
  facts       the settings themselves, as JSON

With --check, existing files are compared with the app, also those of others: nginx, HAProxy, systemd, Dockerfile, Compose,
Kubernetes. What disagrees is printed with its line and what to write instead, and the exit code is 1. Without a file, those with
a usual name in the working directory are checked.`,
  options: { ...ownFlags, ...proofFlags, ...watchFlags, ...correctionFlags, ...targetFlags },
  examples: ['deploy procfile app.js --workers 2 --out .', 'deploy nginx app.js --prove'],
  completes: [...Object.keys(targets), 'facts'],
  async run(args) {
    const { values } = args;
    if (values.check) return checkFiles(deploy, args);
    const [named, ...positionals] = args.positionals;
    const target = targetOf(named);
    const install = installs(target, args);
    const given = positionals.length > 0 ? positionals : [usualScript()];
    const options = targetOptions(target, values);
    const provedPaths = proofPaths(target, args);
    const hosts = await watchedHosts(target, args);
    const corrected = correctionsOf(values);
    const { app, timeoutMs, facts: read } = await describedApp({ ...args, positionals: given });
    const facts = { ...read, ...corrected };
    if (target === 'facts') {
      print(JSON.stringify(facts, undefined, values.json ? 0 : 2));
      return exitCodes.done;
    }
    if (hosts !== undefined) {
      // the command in the file writes it with the same upstreams, and watches none
      const generate = (flags: Readonly<Record<string, string>>) => {
        const all = { ...flags, ...values };
        return deploymentFiles(
          target,
          facts,
          targetOptions(target as TargetName, all),
          commandOf(target, given, { ...args, values: all }),
        );
      };
      return watchUpstreams({ target, facts, options, hosts, generate }, args);
    }
    if (provedPaths !== undefined) {
      const env = facts.readsPort ? { PORT: String(facts.port) } : {};
      const requestsAny = values.port !== undefined && !facts.readsPort;
      const settings = {
        target,
        facts,
        options: { ...options },
        app: { ...app, env },
        paths: provedPaths,
        requestsAny,
      };
      return proveTarget({ ...settings, timeoutMs }, args);
    }
    const deployment = deploymentFiles(target, facts, options, commandOf(target, given, args));
    if (values.json && !install) print(JSON.stringify({ target, facts, ...deployment }));
    else if (install) installUnits(deployment.files, facts.port, args);
    else show(deployment, values);
    return exitCodes.done;
  },
};

function targetOf(name: string | undefined): TargetName | 'facts' {
  const names = [...Object.keys(targets), 'facts'];
  if (name !== undefined && names.includes(name)) return name as TargetName | 'facts';
  const what = `deploy: expected a target, one of ${names.join(', ')}`;
  throw new UsageError(
    name === undefined ? what : `${what}, got ${JSON.stringify(name)}.${didYouMean(name, names)}`,
  );
}

/** The command line that has the same effect. */
function commandOf(target: string, script: readonly string[], { values, rest }: Arguments): string {
  const flags = Object.entries(values).flatMap(([name, value]) =>
    value === undefined || withoutEffect.has(name) ? [] : [`--${name}=${value}`],
  );
  const words = ['deploy', target, ...script, ...flags, ...(rest.length > 0 ? ['--', ...rest] : [])];
  return [program, ...words.map(shellWord)].join(' ');
}

function show({ files, advice }: Deployment, values: Arguments['values']): void {
  const [only] = files;
  if (values.out === undefined && files.length === 1 && only) process.stdout.write(only.text);
  else {
    for (const file of writeOwnFiles((values.out as string) ?? '.', files, values.force === true)) {
      print(`written: ${file}`);
    }
  }
  for (const sentence of advice) printError(`advice: ${sentence}`);
}
