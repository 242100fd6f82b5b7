const missing = (process.env.TEST_MISSING ?? '').split(' ');
const has = (programs: readonly string[]): boolean => !programs.some((program) => missing.includes(program));

/** `it` for tests that start these programs: skipped where one is missing. See `test/setup/look-for.ts`. */
export const itNeeds = (...programs: string[]): jest.It => (has(programs) ? it : it.skip);

/** The same for `describe`. */
export const describeNeeds = (...programs: string[]): jest.Describe =>
  has(programs) ? describe : describe.skip;
