import { defineConfig } from 'tsup';

const common = { target: 'node20', dts: true, removeNodeProtocol: false } as const;
const entry = {
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

export default defineConfig([
  { ...common, format: 'esm', entry: { ...entry, cli: 'src/cli/index.ts' }, clean: true, splitting: true },
  // what splits CommonJS rewrites optional chains and the order of class fields
  { ...common, format: 'cjs', entry, splitting: false },
]);
