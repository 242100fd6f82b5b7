/**
 * `TEST_EFFORT=full`: `npm run test:all`, and the gate on Node 24. `TEST_EFFORT=cases`: every case with few
 * repetitions, the gate on other lines of Node. Otherwise `npm test`, which has three minutes.
 */
const effort = process.env.TEST_EFFORT;

/** Whether every case of a table runs. */
export const everyCase = effort === 'full' || effort === 'cases';

/** How often something is repeated: reloads, cycles, cases of a fuzzer. */
export const repetitions = (whole: number, short: number): number => (effort === 'full' ? whole : short);

/** A generated table of cases, or every so many of them in the short run. */
export const sample = <T>(table: readonly T[], every: number): T[] =>
  everyCase ? [...table] : table.filter((_, index) => index % every === 0);
