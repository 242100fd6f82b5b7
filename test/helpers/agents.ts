import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Sent, startCollector } from './collector.js';
import { installed } from './installed.js';
import { decode } from './msgpack.js';
import { run } from './program.js';

/** What a tracing agent records of one app, as texts to compare. */
interface Recorded {
  /** The requests, by the name that the agent gives them, with their status. */
  readonly requests: string[];
  /** All spans: the name of the parent and their own one. */
  readonly spans: string[];
  readonly errors: string[];
}

/** A tracing agent, with the versions that the tests run. */
export interface Agent {
  readonly name: string;
  /** The package, its version, and others that its guide installs beside it. */
  readonly packages: readonly [name: string, version: string, ...others: string[]];
  /** Reads what the agent returned in the program and what it has sent to the collector. */
  read(seen: never, sent: readonly Sent[]): Recorded;
}

interface OpenTelemetrySpan {
  readonly id: string;
  readonly parent?: string;
  readonly name: string;
  readonly route?: string;
  readonly status?: number;
  readonly errors: string[];
}

const openTelemetry: Pick<Agent, 'packages' | 'read'> = {
  packages: [
    '@opentelemetry/sdk-trace-node',
    '2.12.1',
    '@opentelemetry/api@1.9.1',
    '@opentelemetry/sdk-trace-base@2.12.1',
    '@opentelemetry/instrumentation@0.223.0',
    '@opentelemetry/instrumentation-http@0.223.0',
    '@opentelemetry/instrumentation-express@0.71.1',
    '@opentelemetry/instrumentation-router@0.67.0',
    '@opentelemetry/instrumentation-pino@0.69.0',
  ],
  read(seen: readonly OpenTelemetrySpan[]) {
    const names = new Map(seen.map(({ id, name }) => [id, name]));
    return {
      requests: seen
        .filter(({ parent }) => parent === undefined)
        .map(({ name, status }) => `${name} ${status}`),
      spans: seen.map(
        ({ parent = '', name, route, status }) => `${names.get(parent)} > ${name} ${route} ${status}`,
      ),
      errors: seen.flatMap(({ errors }) => errors),
    };
  },
};

interface DatadogSpan {
  readonly span_id: number | bigint;
  readonly parent_id: number | bigint;
  readonly name: string;
  readonly resource: string;
  readonly error: number;
  readonly meta: Record<string, string>;
}

const datadog: Agent = {
  name: 'dd-trace',
  packages: ['dd-trace', '6.21.0'],
  read(_seen, sent) {
    const spans = sent
      .filter(({ url }) => url.endsWith('/traces'))
      .flatMap(({ body }) => (decode(body) as DatadogSpan[][]).flat());
    const byId = new Map(spans.map((span) => [String(span.span_id), span]));
    const text = ({ name, resource, meta, error }: DatadogSpan) =>
      `${name} ${resource} ${meta['http.route']} ${meta['http.status_code']} ${error && meta['error.message']}`;
    const requests = spans.filter(({ meta }) => meta['http.status_code'] !== undefined);
    return {
      requests: requests.map(({ resource, meta }) => `${resource} ${meta['http.status_code']}`),
      spans: spans.map((span) => {
        const parent = byId.get(String(span.parent_id));
        return `${parent && text(parent)} > ${text(span)}`;
      }),
      errors: requests.flatMap(({ error, meta }) => (error ? [meta['error.message'] as string] : [])),
    };
  },
};

interface SentrySpan {
  readonly span_id: string;
  readonly parent_span_id?: string;
  readonly is_segment: boolean;
  readonly name: string;
  readonly status: string;
  readonly attributes: Record<string, { value: unknown } | undefined>;
}

const sentry: Agent = {
  name: '@sentry/node',
  packages: ['@sentry/node', '11.12.0'],
  read(_seen, sent) {
    const items = sent.flatMap(({ body }) => envelopeItems(body.toString()));
    const spans = items.flatMap(({ type, payload }) => (type === 'span' ? (payload.items ?? []) : []));
    const names = new Map(spans.map(({ span_id, name }) => [span_id, name]));
    const value = ({ attributes }: SentrySpan, name: string) => attributes[name]?.value;
    return {
      requests: spans
        .filter(({ is_segment }) => is_segment)
        .map((span) => `${span.name} ${value(span, 'http.response.status_code')}`),
      spans: spans.map(
        (span) =>
          `${names.get(span.parent_span_id ?? '')} > ${span.name} ${value(span, 'sentry.op')} ${value(span, 'http.route')} ${span.status}`,
      ),
      errors: items.flatMap(({ type, payload }) =>
        type === 'event' ? (payload.exception?.values ?? []).map(({ value }) => value) : [],
      ),
    };
  },
};

interface SentryItem {
  readonly type: string;
  readonly payload: {
    readonly items?: readonly SentrySpan[];
    readonly exception?: { readonly values: readonly { readonly value: string }[] };
  };
}

/** An envelope has a line with its header, then for each item a line with its header and one with its payload. */
function envelopeItems(envelope: string): SentryItem[] {
  const [, ...lines] = envelope.trim().split('\n');
  return lines.flatMap((line, at) =>
    at % 2 === 0 ? [{ type: JSON.parse(line).type, payload: JSON.parse(lines[at + 1] as string) }] : [],
  );
}

interface ElasticEvent {
  readonly transaction?: { readonly name: string; readonly context: { response: { status_code: number } } };
  readonly span?: { readonly name: string };
  readonly error?: { readonly exception: { readonly message: string } };
}

const elastic: Agent = {
  name: 'elastic-apm-node',
  packages: ['elastic-apm-node', '4.18.0'],
  read(_seen, sent) {
    const events: ElasticEvent[] = sent
      .filter(({ url }) => url.startsWith('/intake/'))
      .flatMap(({ body }) =>
        body
          .toString()
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line)),
      );
    const requests = events.flatMap(({ transaction }) =>
      transaction ? [`${transaction.name} ${transaction.context.response.status_code}`] : [],
    );
    return {
      requests,
      spans: [...requests, ...events.flatMap(({ span }) => (span ? [span.name] : []))],
      errors: events.flatMap(({ error }) => (error ? [error.exception.message] : [])),
    };
  },
};

const newRelic: Agent = {
  name: 'newrelic',
  packages: ['newrelic', '13.9.2'],
  read({ requests, spans, errors }: Recorded) {
    const prefix = 'WebTransaction/Expressjs/';
    // the names are WebTransaction/Expressjs/GET//users/:id
    const named = requests.map((name) => name.replace(prefix, '').replace('//', ' /'));
    return { requests: named, spans, errors };
  },
};

export const agents: readonly Agent[] = [
  { name: 'OpenTelemetry, express', ...openTelemetry },
  { name: 'OpenTelemetry, express and router', ...openTelemetry },
  datadog,
  sentry,
  elastic,
  newRelic,
];

/** One run of the app of `fixtures/agents`. */
export interface Run extends Recorded {
  /** The statuses of the responses. */
  readonly statuses: readonly number[];
  /** What the agent recorded in the process. */
  readonly seen: unknown;
  /** The lines of the log, in JSON. */
  readonly log: readonly string[];
}

const preload = pathToFileURL(path.join(__dirname, '../../dist/preload.js')).href;

/** The number of requests that the app of `fixtures/agents` sends itself. */
const requestCount = 10;

/** Runs the app of `fixtures/agents` under an agent. Returns what the agent recorded. */
export async function runWith(
  { name, packages, read }: Agent,
  expressVersion: string,
  way: 'plain' | 'before' | 'after' | 'preload' | 'own' | 'plain-own',
): Promise<Run> {
  const collector = await startCollector();
  try {
    const args = [name, installed('express', expressVersion), installed(...packages), way];
    const nodeArgs = way === 'preload' ? ['--import', preload] : [];
    const program = run('agents/app.cjs', {
      args,
      nodeArgs,
      env: { COLLECTOR_PORT: String(collector.port) },
    });
    const { statuses, seen } = JSON.parse((await program.line(/^seen /)).slice('seen '.length));
    const recorded = () => read(seen as never, collector.sent);
    await collector.until(() => recorded().requests.length >= requestCount);
    if (['before', 'after', 'preload'].includes(way)) await program.line(/"url":"\/api\/none"/);
    program.child.kill('SIGKILL');
    await program.exit();
    const log = program.out.filter((line) => line.startsWith('{'));
    return { ...recorded(), statuses, seen, log };
  } finally {
    collector.close();
  }
}
