import base from './jest.config.js';

/** Tests on real process managers, init systems and balancers: once per gate, not on each Node. */
export default {
  ...base,
  testMatch: ['<rootDir>/test/daemons/*.test.ts'],
  testPathIgnorePatterns: [],
  testTimeout: 100_000,
};
