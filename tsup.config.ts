import { defineConfig } from 'tsup';

const common = { target: 'node20', dts: true, removeNodeProtocol: false } as const;
const entry = {
  index: 'src/index.ts',
  'sync-io': 'src/sync-io.ts',
  preload: 'src/preload.ts',
  deploy: 'src/deploy.ts',
  'store-conformance': 'src/store-conformance.ts',
};

export default defineConfig([
  { ...common, format: 'esm', entry: { ...entry, cli: 'src/cli.ts' }, clean: true, splitting: true },
  // what splits CommonJS rewrites optional chains and the order of class fields
  { ...common, format: 'cjs', entry, splitting: false },
]);
