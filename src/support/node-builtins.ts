import { createRequire } from 'node:module';

interface BuiltIns {
  'node:https': typeof import('node:https');
  'node:inspector': typeof import('node:inspector');
  'node:readline': typeof import('node:readline');
  'node:stream/web': typeof import('node:stream/web');
}

/** Loads a built-in module of Node when it is used. */
export function loadBuiltin<Id extends keyof BuiltIns>(id: Id): BuiltIns[Id] {
  // Node before 20.16 has no getBuiltinModule
  return process.getBuiltinModule?.(id) ?? createRequire(process.execPath)(id);
}
