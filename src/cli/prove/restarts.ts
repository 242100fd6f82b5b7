import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { type TrafficReport, trafficReports } from '../drill/drill-report.js';
import { getRequests } from '../drill/get-requests.js';
import type { DrillContext, Traffic } from '../drill/traffic.js';
import { uploads } from '../drill/uploads.js';
import type { LongConnections } from './long-connections.js';
import { fresh, type ProofContext, send, trafficPreparation } from './proof-context.js';
import { type Check, notApplicable, notProven, proven } from './proof-row.js';

/** The traffic during one restart. */
export interface PhaseTraffic extends TrafficReport {
  readonly phase: 'killed' | 'restarted';
}

const clients = 4;
/** Milliseconds of traffic without an instance: longer than the time between two checks of a proxy. */
const withoutMs = 2000;
/** Milliseconds for a proxy to use an instance again. */
const usedAgainMs = 20_000;
/** Milliseconds for requests in flight to complete. */
const finishMs = 10_000;

/** The checks of restarts. Their traffic is added to `phases`. */
export function restarts(
  context: ProofContext,
  expectedStatus: number,
  long: readonly LongConnections[],
  phases: PhaseTraffic[],
): Check[] {
  const { instances, paths, seen } = context;
  const [first, second] = instances;
  const requests = (): Traffic[] => getRequests(paths.path, expectedStatus);
  const uploading = (): Traffic[] => (paths.upload === undefined ? [] : [uploads(paths.upload)]);
  const during = async (phase: PhaseTraffic['phase'], all: Traffic[], work: () => Promise<void>) => {
    const traffic = await trafficDuring(context, all, work);
    phases.push(...traffic.map((each) => ({ phase, ...each })));
    return traffic;
  };
  return [
    {
      behaviour: 'a killed instance loses no GET',
      async run() {
        // what an instance has begun to send cannot be sent by another one
        const all = requests().filter(({ counts }) => counts.kind !== 'slow readers');
        const gets = new Set(all.map(({ counts }) => counts.kind));
        let isUsed = false;
        const traffic = await during('killed', [...all, ...uploading()], async () => {
          await first.crash();
          await delay(withoutMs);
          await first.start();
          isUsed = await usedAgain(context, 0);
        });
        return lossesOf(
          traffic.filter(({ kind }) => gets.has(kind)),
          isUsed,
        );
      },
    },
    {
      behaviour: 'a rolling restart loses no request',
      async run() {
        const connections = long.flatMap(({ traffic }) => traffic() ?? []);
        let [hasEnded, isUsed] = [false, false];
        const all = [...requests(), ...uploading(), ...connections];
        const traffic = await during('restarted', all, async () => {
          hasEnded = await second.stop();
          await second.start();
          isUsed = await usedAgain(context, 1);
        });
        if (!hasEnded) return notProven('the app did not exit after SIGTERM and was killed');
        return lossesOf(traffic, isUsed);
      },
    },
    {
      behaviour: 'no upload is handled twice',
      async run() {
        if (paths.upload === undefined) return notApplicable('--upload names a path for uploads');
        const count = sum(
          phases.filter(({ kind }) => kind === 'uploads'),
          'sent',
        );
        const twice = seen.repeated('POST-');
        const what = `${twice} of ${count} arrived twice`;
        return twice === 0 ? proven(what) : notProven(what);
      },
    },
    {
      behaviour: 'without any instance there is a page with Retry-After',
      async run() {
        await Promise.all([first.crash(), second.crash()]);
        const { status, headers } = await send(context, fresh(paths.path).path);
        const retry = headers['retry-after'];
        const what = `${status}, Retry-After ${retry ?? 'none'}`;
        return status >= 502 && status <= 504 && retry ? proven(what) : notProven(what);
      },
    },
  ];
}

function usedAgain({ seen }: ProofContext, index: number): Promise<boolean> {
  return seen.next((event, instance) => event.kind === 'request' && instance === index, usedAgainMs);
}

function lossesOf(traffic: readonly TrafficReport[], isUsed: boolean) {
  const [sent, failed] = [sum(traffic, 'sent'), sum(traffic, 'failed')];
  const reasons = traffic.flatMap(({ kind, losses }) =>
    Object.entries(losses).map(([reason, times]) => `${kind}: ${times} × ${reason}`),
  );
  const what = [`${failed} of ${sent} failed`, ...reasons].join('; ');
  if (failed > 0) return notProven(what);
  return isUsed ? proven(what) : notProven(`${what}; the restarted instance received no request`);
}

function sum(traffic: readonly TrafficReport[], field: 'sent' | 'failed'): number {
  return traffic.reduce((total, each) => total + each[field], 0);
}

/** Sends traffic while `work` is done. */
async function trafficDuring(
  { targets, end, proxy, options }: ProofContext,
  all: readonly Traffic[],
  work: () => Promise<void>,
): Promise<TrafficReport[]> {
  const stop = new AbortController();
  const last = new AbortController();
  const signals = { stop: AbortSignal.any([stop.signal, end]), end: AbortSignal.any([last.signal, end]) };
  setMaxListeners(0, signals.stop, signals.end);
  const prepare = trafficPreparation(proxy.caches(options));
  const context: DrillContext = { target: targets.proxy, clients, ...signals, prepare };
  for (const traffic of all) await traffic.probe?.(context);
  const running = all.map((traffic) => traffic.run(context));
  try {
    await Promise.all(all.map(({ counts }) => counts.underway));
    await work();
  } finally {
    stop.abort();
    const timer = setTimeout(() => last.abort(), finishMs);
    await Promise.all(running);
    clearTimeout(timer);
  }
  return trafficReports(all.map(({ counts }) => counts));
}
