import type { DeploymentFacts } from '../deploy/deployment-facts.js';
import { readFacts } from '../deploy/facts/read-facts.js';
import { findConfig, findScript } from './app-script.js';
import { type Arguments, wholeNumber } from './command.js';

/** An app that a command line names, and its facts. */
interface DescribedApp {
  readonly facts: DeploymentFacts;
  readonly app: {
    readonly script: string;
    readonly args: readonly string[];
    readonly config: string | undefined;
  };
  /** The time for a start of the app. */
  readonly timeoutMs: number;
}

/** Reads the facts of the app whose script is the only positional. */
export async function describedApp(args: Arguments): Promise<DescribedApp> {
  const { values, rest } = args;
  const script = findScript('deploy', args);
  const number = (name: string, max: number) =>
    values[name] === undefined ? undefined : wholeNumber(`--${name}`, values[name] as string, max);
  const app = { script, args: rest, config: findConfig(values.config as string | undefined, script) };
  const timeoutMs = (number('seconds', 3600) ?? 30) * 1000;
  const options = { args: rest, config: app.config, port: number('port', 65_535), timeoutMs };
  return { facts: await readFacts(script, options), app, timeoutMs };
}
