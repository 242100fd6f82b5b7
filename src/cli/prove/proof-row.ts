export type ProofResult = 'proven' | 'not proven' | 'not applicable';

/** One behaviour and whether it was proven. */
export interface ProofRow {
  readonly behaviour: string;
  readonly result: ProofResult;
  /** What was seen, or the reason. */
  readonly detail: string;
}

/** A check of one behaviour. It returns the result and what was seen. */
export interface Check {
  readonly behaviour: string;
  run(): Promise<readonly [ProofResult, string]>;
}

export const proven = (detail: string) => ['proven', detail] as const;
export const notProven = (detail: string) => ['not proven', detail] as const;
export const notApplicable = (reason: string) => ['not applicable', reason] as const;

/** Runs checks one after the other. A check that throws has not proven its behaviour. */
export async function rowsOf(
  checks: readonly Check[],
  onBegin: (behaviour: string) => void,
): Promise<ProofRow[]> {
  const rows: ProofRow[] = [];
  for (const { behaviour, run } of checks) {
    onBegin(behaviour);
    const [result, detail] = await run().catch((error: Error) => notProven(error.message));
    rows.push({ behaviour, result, detail });
  }
  return rows;
}
