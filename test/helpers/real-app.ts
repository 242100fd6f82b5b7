import { type Call, Client, differences, type Reply } from './compare.js';
import { type Program, run } from './program.js';

/** One of the processes an app runs in. */
export interface Running {
  readonly program: Program;
  readonly client: Client;
  /** Returns the states of the parts by name, after the first requests; empty for the app as it is. */
  states(): Promise<Record<string, string>>;
}

/** An app as it is, and the same app productionized in each of some ways. */
export interface Ways<Way extends string> {
  readonly plain: Running;
  readonly ours: Record<Way, Running>;
}

const clients = new Set<Client>();

/** Starts a fixture in a process of its own: the app as it is, or productionized in one of the fixture's ways. */
export async function start(fixture: string, way: string, args: readonly string[] = []): Promise<Running> {
  const program = run(fixture, { args: [way, ...args] });
  const client = new Client(await program.port());
  clients.add(client);
  return { program, client, states: () => statesOf(program) };
}

async function statesOf(program: Program): Promise<Record<string, string>> {
  program.child.kill('SIGUSR2');
  const parts: { name: string; state: string }[] = JSON.parse(
    (await program.line(/^report/)).replace('report', ''),
  );
  return Object.fromEntries(parts.map(({ name, state }) => [name, state]));
}

/** Starts an app as it is, and the same app productionized, each in a process of its own. */
export async function startWays<Way extends string>(
  fixture: string,
  ways: readonly Way[],
  args: readonly string[] = [],
): Promise<Ways<Way>> {
  const [plain, ...others] = await Promise.all(['plain', ...ways].map((way) => start(fixture, way, args)));
  return { plain: plain as Running, ours: byWay(ways, (i) => others[i] as Running) };
}

/** Sends the same calls to all of them. Returns what the app as it is replies, and what of the others is not meant to differ. */
export async function compare<Way extends string>(
  { plain, ours }: Ways<Way>,
  calls: readonly Call[],
): Promise<{ replies: Reply[]; found: Record<Way, string[]> }> {
  const ways = Object.keys(ours) as Way[];
  const all = [plain, ...ways.map((way) => ours[way])];
  const [replies, ...theirs] = (await Promise.all(all.map(({ client }) => client.all(calls)))) as Reply[][];
  const found = (i: number) =>
    calls.flatMap((call, at) => differences(call, replies?.[at] as Reply, theirs[i]?.[at] as Reply));
  return { replies: replies as Reply[], found: byWay(ways, found) };
}

function byWay<Way extends string, T>(ways: readonly Way[], value: (i: number) => T): Record<Way, T> {
  return Object.fromEntries(ways.map((way, i) => [way, value(i)])) as Record<Way, T>;
}

/** For `afterEach`, beside `killAll`. */
export function closeClients(): void {
  for (const client of clients) client.close();
  clients.clear();
}
