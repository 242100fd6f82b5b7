import { trafficTable } from '../drill/drill-report.js';
import { alignColumns } from '../output.js';
import type { ProofRow } from './proof-row.js';
import type { PhaseTraffic } from './restarts.js';

/** The results of a proof. */
export interface Proof {
  readonly target: string;
  readonly script: string;
  /** The path of the GET requests, and the status of its response without the proxy; `null` without one. */
  readonly path: string;
  readonly status: number | null;
  readonly seconds: number;
  readonly rows: readonly ProofRow[];
  readonly traffic: readonly PhaseTraffic[];
  readonly verdict: string;
}

/** Adds the verdict to the results of a proof. */
export function makeProof(results: Omit<Proof, 'verdict'>): Proof {
  const { rows, traffic } = results;
  const count = (result: ProofRow['result']) => rows.filter((row) => row.result === result).length;
  const sent = traffic.reduce((sum, each) => sum + each.sent, 0);
  const failed = traffic.reduce((sum, each) => sum + each.failed, 0);
  const counts = `${count('proven')} proven, ${count('not proven')} not proven, ${count('not applicable')} not applicable`;
  const verdict = `${isProven(results) ? 'Passed' : 'Failed'}: ${counts}; ${failed} of ${sent} requests failed.`;
  return { ...results, verdict };
}

/** Whether all that applies was proven. */
export function isProven({ rows }: Pick<Proof, 'rows'>): boolean {
  return rows.every(({ result }) => result !== 'not proven');
}

const phases = {
  killed: 'One instance is killed and started again:',
  restarted: 'The other one is stopped by SIGTERM and started again:',
} as const;

/** Formats the table of a proof, its traffic and the verdict. */
export function formatProof(proof: Proof): string {
  const rows = proof.rows.map(({ behaviour, result, detail }) => [
    behaviour,
    result,
    detail.split('\n')[0] ?? '',
  ]);
  const tables = (['killed', 'restarted'] as const).flatMap((phase) => {
    const traffic = proof.traffic.filter((each) => each.phase === phase);
    return traffic.length === 0 ? [] : [phases[phase], ...trafficTable(traffic), ''];
  });
  return [
    `${proof.target} in front of two instances, ${proof.seconds} s; GET ${proof.path} responds with ${proof.status ?? 'nothing'}`,
    '',
    ...alignColumns([['behaviour', 'result', 'seen'], ...rows], () => false),
    '',
    ...tables,
    proof.verdict,
  ].join('\n');
}
