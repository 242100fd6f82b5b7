/** @jest-config-loader esbuild-register */
import type { Config } from 'jest';

/** Whether every file runs, or what `npm test` takes of them. */
const everyFile = process.env.TEST_EFFORT !== undefined;

/** What `npm test` takes of the tier of processes: each part once, without reloads under load and long waits. */
const short = [
  'examples',
  'cli/start',
  'middleware/health-checks/*',
  'process/cluster/worker-count',
  'process/fatal-errors/fatal-errors',
  'process/shutdown/draining',
  'process/systemd/sd-notify',
  'samples',
];

/** Tests of the repository: its documentation, its types, its scripts, its bench. They do not depend on the line of Node. */
const repository = [
  'gate',
  'language',
  'public-surface',
  'release.process',
  'samples',
  'structure',
  'workflow',
];

const common: Config = {
  testEnvironment: 'node',
  // builtins that a test file left patched look up their state on its global object, which must stay whole
  testEnvironmentOptions: { globalsCleanup: 'off' },
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
        module: { type: 'commonjs' },
      },
    ],
  },
};

/** Those that take long. What a bundler writes does not depend on the line of Node either. */
const slowRepository = ['bench.process', 'core/bundlers.process'];

const forking = '\\.(process|load)\\.test\\.ts$';
const ofRepository = `<rootDir>/test/(${[...repository, ...slowRepository].join('|')})\\.test\\.ts$`;

export default {
  testSequencer: '<rootDir>/test/setup/sequencer.js',
  // a bound for what hangs, not a measure: many tests start processes, those with daemons several
  testTimeout: 120_000,
  // of the HTTP tier; the excluded directories run as forked programs, from dist/
  coverageProvider: 'v8',
  collectCoverageFrom: ['src/**/*.ts', '!src/{cli,deploy/facts,doctor,preload,process}/**'],
  coverageReporters: ['text-summary'],
  coverageThreshold: { global: { statements: 92, branches: 91, functions: 90, lines: 92 } },
  projects: [
    {
      ...common,
      displayName: 'http',
      testMatch: ['<rootDir>/test/**/*.test.ts'],
      testPathIgnorePatterns: [forking, ofRepository, '<rootDir>/test/daemons/'],
      globalSetup: '<rootDir>/test/setup/http.ts',
    },
    {
      ...common,
      displayName: 'process',
      testMatch: (everyFile ? ['**/*'] : short).map((name) => `<rootDir>/test/${name}.process.test.ts`),
      testPathIgnorePatterns: [ofRepository],
      globalSetup: '<rootDir>/test/setup/process.ts',
    },
    {
      ...common,
      displayName: 'repository',
      testMatch: [...repository, ...(everyFile ? slowRepository : [])].map(
        (name) => `<rootDir>/test/${name}.test.ts`,
      ),
    },
    {
      // what puts the machine under load, or depends on the time that it gets, and judges by what it sees: one worker, and
      // nothing beside it
      ...common,
      displayName: 'load',
      testMatch: ['<rootDir>/test/**/*.load.test.ts'],
      globalSetup: '<rootDir>/test/setup/process.ts',
    },
    {
      ...common,
      displayName: 'daemons',
      testMatch: ['<rootDir>/test/daemons/*.test.ts'],
      globalSetup: '<rootDir>/test/setup/daemons.ts',
    },
  ],
} satisfies Config;
