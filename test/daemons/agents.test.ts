import { type Agent, agents, type Run, runWith } from '../helpers/agents.js';
import { killAll } from '../helpers/program.js';

afterEach(killAll);

const routes = [
  'GET /users/:id 200',
  'GET /api/items/:item/detail/:part 200',
  'POST /api/items/:item 201',
  'GET /api/throws 500',
  'GET /api/rejects 500',
  'GET /api/invalid 422',
  'GET /sub/s/:y 200',
  'GET /fails 500',
];
const errors = ['thrown', 'rejected', 'no handler of the app'];

/** The number of spans that each agent records on Express 4 and on Express 5. */
const counts: Record<string, readonly [number, number]> = {
  'OpenTelemetry, express': [81, 59],
  'OpenTelemetry, express and router': [81, 120],
  'dd-trace': [93, 71],
  '@sentry/node': [83, 61],
  'elastic-apm-node': [10, 10],
  newrelic: [78, 56],
};

/** Returns the elements of a list that another list lacks; each one counts. */
function missing(from: readonly string[], others: readonly string[]): string[] {
  const rest = [...others];
  return from.filter((text) => {
    const at = rest.indexOf(text);
    if (at !== -1) rest.splice(at, 1);
    return at === -1;
  });
}

const ways = ['plain', 'before', 'after', 'preload'] as const;
const table: string[] = [];
afterAll(() => process.stdout.write(`${table.toSorted().join('\n')}\n`));

/** What an agent records of an app, against what it records of the plain one. */
function row(app: string, { requests, spans, errors }: Run, plain: Run): string {
  const compared = Object.entries({ requests, spans, errors }).map(([what, recorded]) => {
    const expected = plain[what as 'requests' | 'spans' | 'errors'];
    return `${recorded.length} ${what}, ${missing(expected, recorded).length} missing`;
  });
  return `agent ${app}: ${compared.join('; ')}`;
}

describe.each([
  ['Express 4', '4.22.3'],
  ['Express 5', '5.3.0'],
] as const)('%s', (express, version) => {
  it.each(agents.map((agent) => [agent.name, agent] as const))(
    '%s records the requests, spans and errors that it records in a plain app',
    async (name: string, agent: Agent) => {
      const runs = await Promise.all(ways.map((way) => runWith(agent, version, way)));
      const [plain, ...productionized] = runs as [Run, ...Run[]];
      for (const [i, each] of runs.entries()) table.push(row(`${name}, ${express}, ${ways[i]}`, each, plain));
      expect(missing(routes, plain.requests)).toEqual([]);
      expect(missing(errors, plain.errors)).toEqual([]);
      expect(plain.spans).toHaveLength(counts[name]?.[express === 'Express 4' ? 0 : 1] as number);
      for (const ours of productionized) {
        expect(ours.log.length).toBeGreaterThanOrEqual(plain.statuses.length);
        expect(ours.statuses).toEqual(plain.statuses);
        expect(ours.requests.toSorted()).toEqual(plain.requests.toSorted());
        expect(ours.errors.toSorted()).toEqual(plain.errors.toSorted());
        expect(missing(plain.spans, ours.spans)).toEqual([]);
      }
    },
  );

  it.each(agents.map((agent) => [agent.name, agent] as const))(
    '%s records the same with middleware of the app as parts as with that middleware in a plain app',
    async (_name: string, agent: Agent) => {
      const [plain, ours] = await Promise.all([
        runWith(agent, version, 'plain-own'),
        runWith(agent, version, 'own'),
      ]);
      expect(missing(routes, plain.requests)).toEqual([]);
      expect(ours.statuses).toEqual(plain.statuses);
      expect(ours.requests.toSorted()).toEqual(plain.requests.toSorted());
      expect(ours.errors.toSorted()).toEqual(plain.errors.toSorted());
      expect(missing(plain.spans, ours.spans)).toEqual([]);
    },
  );

  it('each line of the log carries the ids of a span of OpenTelemetry, once', async () => {
    const { log, seen } = await runWith(agents[0] as Agent, version, 'after');
    const spans = new Set((seen as { trace: string; id: string }[]).map(({ trace, id }) => `${trace} ${id}`));
    const lines = log.filter((line) => line.includes('"reqId":'));
    // one for each request, and one of a handler
    expect(lines).toHaveLength(11);
    for (const line of lines) {
      const { trace_id, span_id } = JSON.parse(line);
      expect(spans).toContain(`${trace_id} ${span_id}`);
      expect(line.match(/"(trace_id|span_id)":/g)).toHaveLength(2);
    }
  });
});
