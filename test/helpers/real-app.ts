import { type Call, Client, differences, type Reply } from './compare.js';
import { type Program, run } from './program.js';

/** One of the processes an app runs in. */
export interface Running {
  readonly program: Program;
  readonly client: Client;
  /** What became of each part, by name; empty for the app as it is. */
  readonly states: Record<string, string>;
}

const clients = new Set<Client>();

/** Starts a fixture in a process of its own: the app as it is, or productionized in one of the fixture's ways. */
export async function start(fixture: string, mode: string, args: readonly string[] = []): Promise<Running> {
  const program = run(fixture, { args: [mode, ...args] });
  const report: { name: string; state: string }[] = JSON.parse(
    (await program.line(/^report/)).replace('report', ''),
  );
  const client = new Client(await program.port());
  clients.add(client);
  return { program, client, states: Object.fromEntries(report.map(({ name, state }) => [name, state])) };
}

/**
 * Sends the same calls to an app as it is and to the same app productionized, each in a process of its own. Returns
 * the replies of the app as it is, and of each other way what differs without being meant to.
 */
export async function compare<Mode extends string>(
  fixture: string,
  modes: readonly Mode[],
  calls: readonly Call[],
  args: readonly string[] = [],
): Promise<{ replies: Reply[]; apps: Record<Mode, Running>; found: Record<Mode, string[]> }> {
  const [plain, ...others] = await Promise.all(['plain', ...modes].map((mode) => start(fixture, mode, args)));
  const [replies, ...theirs] = await Promise.all(
    [plain as Running, ...others].map(({ client }) => client.all(calls)),
  );
  const each = <T>(value: (i: number) => T) =>
    Object.fromEntries(modes.map((mode, i) => [mode, value(i)])) as Record<Mode, T>;
  const found = (i: number) =>
    calls.flatMap((call, at) =>
      differences(call, (replies as Reply[])[at] as Reply, theirs[i]?.[at] as Reply),
    );
  return { replies: replies as Reply[], apps: each((i) => others[i] as Running), found: each(found) };
}

/** For `afterEach`, beside `killAll`. */
export function closeClients(): void {
  for (const client of clients) client.close();
  clients.clear();
}
