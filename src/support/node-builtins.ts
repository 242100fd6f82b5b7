// named imports would conflict with the `createRequire` that ESM bundles declare
import nodeModule from 'node:module';

interface BuiltIns {
  'node:http': typeof import('node:http');
  'node:https': typeof import('node:https');
  'node:readline': typeof import('node:readline');
  'node:stream/web': typeof import('node:stream/web');
}

/** Loads a built-in module of Node when it is used. Unlike an `import` of it, this does not read all its exports. */
export function loadBuiltin<Id extends keyof BuiltIns>(id: Id): BuiltIns[Id] {
  // Node before 20.16 has no getBuiltinModule
  return process.getBuiltinModule?.(id) ?? nodeModule.createRequire(process.execPath)(id);
}

/** Where an ES module imports `node:http`, Node from 22 on loads undici, for the export `WebSocket`: 25 ms. */
export const http = loadBuiltin('node:http');
