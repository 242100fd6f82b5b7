import { once, setMaxListeners } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import type { DeploymentFacts } from '../../deploy/deployment-facts.js';
import { deploymentFiles } from '../../deploy/deployment-files.js';
import type { StartedApp } from '../../deploy/facts/app-process.js';
import type { TargetName } from '../../deploy/targets/index.js';
import { exitCodes } from '../command.js';
import { behaviours, responseArrives } from './behaviours.js';
import { CannotProve } from './cannot-prove.js';
import { eventStreamConnections, webSocketConnections } from './long-connections.js';
import { fresh, type ProofContext, type ProofPaths, send } from './proof-context.js';
import { makeProof, type Proof } from './proof-report.js';
import { type Check, notProven, type ProofRow, rowsOf } from './proof-row.js';
import { type ProvableProxy, provableProxies } from './provable-proxies.js';
import { ProvedInstance } from './proved-instance.js';
import { ProxyDaemon } from './proxy-daemon.js';
import { type PhaseTraffic, restarts } from './restarts.js';
import { SeenRequests } from './seen-requests.js';

export interface ProofSettings {
  readonly target: TargetName;
  readonly facts: DeploymentFacts;
  /** The options of the target that were given. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly app: StartedApp;
  /** Whether the app requests any free port, so that the port of the facts is a name only. */
  readonly requestsAny: boolean;
  /** The directory of the project. */
  readonly project: string;
  readonly paths: ProofPaths;
  /** Milliseconds for a start of the app. */
  readonly timeoutMs: number;
}

/** Milliseconds beyond the starts of the app, for the traffic and what waits for it. */
const trafficMs = 120_000;
/** Milliseconds for the response of the app without the proxy. */
const firstResponseMs = 10_000;
/** How often the app is started. */
const starts = 4;

/**
 * Starts the real proxy with the generated file in front of two instances of the app, sends requests, restarts the
 * instances, and reports what was proven. All processes have exited and all files are removed when it returns. An abort
 * ends it immediately.
 *
 * @throws CannotProve when the proxy or the app does not start, or when the time limit is reached.
 */
export async function prove(
  settings: ProofSettings,
  abort: AbortSignal,
  onProgress: (text: string) => void,
): Promise<Proof> {
  const { target, facts, app, project, timeoutMs } = settings;
  const proxy = provableProxies[target] as ProvableProxy;
  const limit = AbortSignal.timeout(trafficMs + starts * timeoutMs + 2 * facts.shutdownMs);
  const over = new AbortController();
  const end = AbortSignal.any([abort, limit, over.signal]);
  setMaxListeners(0, end);
  const directory = mkdtempSync(path.join(os.tmpdir(), 'prove-'));
  const remove = (): void => rmSync(directory, { recursive: true, force: true });
  process.once('exit', remove);
  // nginx as root lets workers of another user read it
  chmodSync(directory, 0o755);
  const seen = new SeenRequests();
  const [port, one, two] = (await freePorts(3)) as [number, number, number];
  const how = {
    app,
    requested: facts.port,
    requestsAny: settings.requestsAny,
    timeoutMs,
    shutdownMs: facts.shutdownMs + 2000,
  };
  const instances = [new ProvedInstance(0, one, how, seen), new ProvedInstance(1, two, how, seen)] as const;
  let daemon: ProxyDaemon | undefined;

  const run = async (): Promise<Proof> => {
    const place = { directory, port, upstreams: [one, two].map((each) => `127.0.0.1:${each}`), project };
    const { files } = deploymentFiles(target, facts, proxy.options(settings.options, place));
    const file = path.join(directory, 'proved.conf');
    writeFileSync(file, files[0]?.text ?? '');
    const args = proxy.prepare(file, place, facts);
    onProgress('starting two instances');
    await Promise.all(instances.map((instance) => instance.start()));
    onProgress(`starting ${proxy.command}`);
    daemon = await ProxyDaemon.start(proxy, args, place, end);
    const context: ProofContext = {
      ...settings,
      proxy,
      instances,
      seen,
      end,
      targets: { proxy: { host: '127.0.0.1', port }, direct: { host: '127.0.0.1', port: one } },
    };
    return await proofOf(context, settings, onProgress);
  };

  try {
    const aborted = once(end, 'abort').then(() => {
      throw abort.aborted ? abort.reason : new CannotProve('the time limit was reached', exitCodes.failed);
    });
    aborted.catch(() => {});
    return await Promise.race([run(), aborted]);
  } finally {
    over.abort();
    await Promise.all(instances.map((instance) => instance.end()));
    await (daemon as ProxyDaemon | undefined)?.stop();
    remove();
    process.off('exit', remove);
  }
}

async function proofOf(
  context: ProofContext,
  { target, app }: ProofSettings,
  onProgress: (text: string) => void,
): Promise<Proof> {
  const { paths } = context;
  const begun = performance.now();
  const phases: PhaseTraffic[] = [];
  const rows: ProofRow[] = [];
  const add = async (checks: readonly Check[]): Promise<void> => {
    rows.push(...(await rowsOf(checks, onProgress)));
  };
  const limit = AbortSignal.any([context.end, AbortSignal.timeout(firstResponseMs)]);
  const direct = await send({ ...context, end: limit }, fresh(paths.path).path, { to: 'direct' }).catch(
    () => undefined,
  );
  if (direct === undefined) {
    const why = `GET ${paths.path}: the app itself does not respond`;
    await add([{ behaviour: responseArrives, run: async () => notProven(why) }]);
  } else {
    const long = [webSocketConnections(context), eventStreamConnections(context)];
    await add(behaviours(context, direct));
    await add(long.map(({ check }) => check));
    await add(restarts(context, direct.status, long, phases));
  }
  return makeProof({
    target,
    script: app.script,
    path: paths.path,
    status: direct?.status ?? null,
    seconds: Math.round((performance.now() - begun) / 100) / 10,
    rows,
    traffic: phases,
  });
}

/** Ports that were free a moment ago: the file has to contain them before anything listens. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => net.createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}
