import type { ControlResponse } from '../../process/cluster/control-protocol.js';
import type { Arguments } from '../command.js';
import { argumentsOn, type Host } from '../hosts/host.js';
import { runOn } from '../hosts/on-hosts.js';
import type { TopCluster } from './top-state.js';

const limitMs = 600_000;

interface TakenProfile {
  readonly worker: number;
  readonly file: string | null;
}

/** Runs the command of a key for one cluster. Resolves with a line about its result. */
export async function runKey(
  key: string,
  { pid, target }: TopCluster,
  host: Host,
  args: Arguments,
  signal: AbortSignal,
): Promise<string> {
  const words = wordsOf(key, target) ?? [];
  const [name = '', ...positionals] = words;
  const { 'runtime-dir': directory, 'remote-node': node } = args.values;
  const values = { pid: String(pid), 'runtime-dir': directory, 'remote-node': node };
  const line = argumentsOn(name, { values, positionals, rest: [] });
  const { result, error } = await runOn(host, { values }, line, limitMs, signal);
  if (error !== undefined) return `${name}: ${error}`;
  if (name !== 'profile') return (result as ControlResponse).message;
  const [taken] = result as readonly TakenProfile[];
  return `profile of worker ${taken?.worker}: ${taken?.file} ${host.remote === undefined ? '' : `on ${host.text}`}`;
}

/** The command of a key; `undefined` for a key without one. */
export function wordsOf(key: string, target: number): string[] | undefined {
  if (key === '+') return ['scale', String(target + 1)];
  if (key === '-') return ['scale', String(Math.max(1, target - 1))];
  if (key === 'r') return ['reload'];
  return key === 'p' ? ['profile'] : undefined;
}
