/** The entries of package.json. */
export const entries = {
  index: 'src/index.ts',
  redis: 'src/redis/index.ts',
  testing: 'src/testing/index.ts',
  systemd: 'src/process/systemd/index.ts',
  logging: 'src/logging/index.ts',
  'sync-io': 'src/middleware/sync-io/register.ts',
  preload: 'src/preload/index.ts',
  deploy: 'src/deploy/index.ts',
  'store-conformance': 'src/store-conformance/index.ts',
};

// scripts/commonjs.js writes the CommonJS form
export default {
  target: 'node20',
  format: 'esm',
  dts: true,
  removeNodeProtocol: false,
  clean: true,
  splitting: true,
  // the last is loaded into the app whose facts are read
  entry: { ...entries, cli: 'src/cli/index.ts', 'app-probe': 'src/deploy/facts/app-probe.ts' },
};
