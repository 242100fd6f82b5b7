import { installed } from './installed.js';
import { run } from './program.js';

/** What a tracing agent records of one app, as texts to compare. */
export interface Recorded {
  /** The requests, by the name that the agent gives them, with their status. */
  readonly transactions: string[];
  /** What ran inside of the requests: the name of the parent and the own one. */
  readonly spans: string[];
  readonly errors: string[];
}

/** A tracing agent, with the versions that the tests run. */
export interface Agent {
  readonly name: string;
  /** The package, its version, and others that its guide installs beside it. */
  readonly packages: readonly [name: string, version: string, ...others: string[]];
  /** Reads what the program printed. */
  read(seen: never): Recorded;
}

interface OpenTelemetrySpan {
  readonly id: string;
  readonly parent?: string;
  readonly name: string;
  readonly route?: string;
  readonly status?: number;
  readonly errors: string[];
}

function readOpenTelemetry(seen: readonly OpenTelemetrySpan[]): Recorded {
  const names = new Map(seen.map(({ id, name }) => [id, name]));
  const text = ({ name, route, status }: OpenTelemetrySpan) => `${name} ${route ?? ''} ${status ?? ''}`;
  const isRequest = ({ parent }: OpenTelemetrySpan) => parent === undefined;
  return {
    transactions: seen.filter(isRequest).map(({ name, status }) => `${name} ${status}`),
    spans: seen.map((span) => `${names.get(span.parent ?? '') ?? ''} > ${text(span)}`),
    errors: seen.flatMap(({ errors }) => errors),
  };
}

const openTelemetry: Agent['packages'] = [
  '@opentelemetry/sdk-trace-node',
  '2.12.1',
  '@opentelemetry/api@1.9.1',
  '@opentelemetry/sdk-trace-base@2.12.1',
  '@opentelemetry/instrumentation@0.223.0',
  '@opentelemetry/instrumentation-http@0.223.0',
  '@opentelemetry/instrumentation-express@0.71.1',
  '@opentelemetry/instrumentation-router@0.67.0',
  '@opentelemetry/instrumentation-pino@0.69.0',
];

export const agents: readonly Agent[] = [
  { name: 'OpenTelemetry, express', packages: openTelemetry, read: readOpenTelemetry },
  { name: 'OpenTelemetry, express and router', packages: openTelemetry, read: readOpenTelemetry },
];

/** Runs the app of `fixtures/agents` under an agent. Returns the statuses of its responses and what the agent recorded. */
export async function runWith(
  { name, packages, read }: Agent,
  expressVersion: string,
  way: 'plain' | 'before' | 'after',
): Promise<Recorded & { statuses: number[] }> {
  const args = [name, installed('express', expressVersion), installed(...packages), way];
  const program = run('agents/app.cjs', { args });
  const { statuses, seen } = JSON.parse((await program.line(/^seen /)).slice('seen '.length));
  await program.exit();
  return { statuses, ...read(seen as never) };
}
