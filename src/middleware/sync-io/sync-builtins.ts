import childProcess from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import Module from 'node:module';
import { performance } from 'node:perf_hooks';
import tty from 'node:tty';
import zlib from 'node:zlib';
import { attachShared, undoAll } from '../../support/attachment.js';
import { currentContext, type InternalRequestContext } from '../../support/context/context.js';
import { debugFor } from '../../support/debug.js';
import { fileStats } from '../../support/file-stats.js';
import { processWide } from '../../support/process-wide.js';
import { wrapMethod } from '../../support/replace-method.js';
import { syncCallsKey } from '../../support/symbols.js';
import { ownSyncWork } from '../../support/unobserved.js';
import { WeakList } from '../../support/weak-list.js';
import type { CallSite } from './call-site.js';
import { observeImports } from './import-calls.js';

/** The groups of functions that can be watched. `require` is the loading of a file, also by `import()`. */
export type SyncIoGroup = 'fs' | 'child_process' | 'crypto' | 'zlib' | 'require' | 'console';

export const syncIoGroups: readonly SyncIoGroup[] = [
  'fs',
  'child_process',
  'crypto',
  'zlib',
  'require',
  'console',
];

/** A builtin function that blocks the event loop. */
export interface SyncApi {
  /** The name as in code: `fs.readFileSync`. */
  readonly name: string;
  readonly group: SyncIoGroup;
  /** True for functions without a usual asynchronous form. Only slow calls of them are reported. */
  readonly onlySlow: boolean;
}

export type Callable = (...args: unknown[]) => unknown;

/** Called after each synchronous call. Stack traces begin below `trap`. */
export type SyncCallListener = (
  api: SyncApi,
  ms: number,
  context: InternalRequestContext,
  trap: Callable,
  args: readonly unknown[],
  /** Where the call was made, if the stack no longer shows it. */
  site?: CallSite,
) => void;

interface Target {
  readonly owner: object;
  readonly key: string;
  readonly api: SyncApi;
}

const state = processWide(syncCallsKey, () => ({
  /** The attached patches of each group. */
  groups: {},
  listeners: new WeakList<readonly [SyncCallListener, ReadonlySet<SyncIoGroup>]>(),
  /** True during a watched call, so that its own calls are not counted as well. */
  inside: false,
  preloaded: false,
}));

const debug = debugFor('sync-io');

// bound, since fake timers replace the method
const now = performance.now.bind(performance);

/**
 * Watches synchronous calls in requests. The only way to detect calls of builtins is to replace them in the whole
 * process. They are replaced once, even with several callers or copies of this package. The last of the returned
 * functions restores them, and so does the end of the last owner.
 */
export function observeSyncCalls(
  owner: object,
  groups: readonly SyncIoGroup[],
  listener: SyncCallListener,
): () => void {
  return state.listeners.add(owner, [listener, new Set(groups)], holdPatches(groups));
}

/** Replaces the builtins before the modules of the app are loaded, so that functions they import are watched, too. */
export function preloadSyncCalls(): void {
  if (state.preloaded) return;
  state.preloaded = true;
  holdPatches(syncIoGroups);
}

/** Whether the builtins were replaced before the modules of the app were loaded. */
export function syncCallsPreloaded(): boolean {
  return state.preloaded;
}

function holdPatches(groups: readonly SyncIoGroup[]): () => void {
  const undo = groups.map((group) => attachShared(state.groups, group, () => watchGroup(group)));
  Module.syncBuiltinESMExports();
  return () => {
    for (const release of undo) release();
    Module.syncBuiltinESMExports();
  };
}

function watchGroup(group: SyncIoGroup): () => void {
  const restore = patch(targetsOf[group]());
  if (group !== 'require') return restore;
  const stop = observeImports((ms, context, file, site) =>
    notify(importApi, ms, context, observeImports as Callable, [file], site),
  );
  return undoAll([restore, stop]);
}

function patch(targets: Target[]): () => void {
  const undo: (() => void)[] = [];
  for (const { owner, key, api } of targets) {
    const { value, writable } = Object.getOwnPropertyDescriptor(owner, key) ?? {};
    if (typeof value !== 'function' || !writable) {
      debug(() => ['%s is not watched: this Node has no such writable function', api.name]);
      continue;
    }
    // a proxy has the name, the length and all properties of the function
    undo.push(wrapMethod(owner, key, (method: Callable) => new Proxy(method, observing(api))));
  }
  return undoAll(undo);
}

function observing(api: SyncApi): ProxyHandler<Callable> {
  function apply(target: Callable, self: unknown, args: unknown[]): unknown {
    if (state.inside || state.listeners.size === 0 || ownSyncWork.depth > 0) {
      return Reflect.apply(target, self, args);
    }
    const context = currentContext();
    if (context === undefined || context.res.writableEnded) return Reflect.apply(target, self, args);
    state.inside = true;
    const start = now();
    try {
      return Reflect.apply(target, self, args);
    } finally {
      notify(api, now() - start, context, apply as Callable, args);
      state.inside = false;
    }
  }
  return { apply };
}

function notify(...[api, ms, context, trap, args, site]: Parameters<SyncCallListener>): void {
  for (const [listener, groups] of state.listeners) {
    if (!groups.has(api.group)) continue;
    try {
      listener(api, ms, context, trap, args, site);
    } catch (error) {
      debug(() => ['%s could not be reported: %o', api.name, error]);
    }
  }
}

const importApi: SyncApi = { name: 'import()', group: 'require', onlySlow: false };

const targetsOf: Record<SyncIoGroup, () => Target[]> = {
  fs: () => [...allSync(fs, 'fs'), target(fs.realpathSync, 'native', 'fs', 'fs.realpathSync.native')],
  child_process: () => allSync(childProcess, 'child_process'),
  crypto: () => [
    ...allSync(crypto, 'crypto'),
    ...['hash', 'sign', 'verify', 'randomBytes'].map((key) => slow(crypto, key, `crypto.${key}`)),
    slow(crypto.Hash.prototype, 'update', 'crypto.Hash.update'),
    slow(crypto.Hmac.prototype, 'update', 'crypto.Hmac.update'),
  ],
  zlib: () => allSync(zlib, 'zlib'),
  // this method is not called for a module in the cache
  require: () => [target(Module.prototype, 'load', 'require', 'require')],
  console: () =>
    [
      ...(blocks(1) ? ['log', 'info', 'debug', 'dir', 'dirxml', 'table', 'timeEnd', 'timeLog', 'count'] : []),
      ...(blocks(2) ? ['error', 'warn', 'trace', 'assert'] : []),
    ].map((key) => target(console, key, 'console', `console.${key}`)),
};

function target(owner: object, key: string, group: SyncIoGroup, name: string, onlySlow = false): Target {
  return { owner, key, api: { name, group, onlySlow } };
}

function slow(owner: object, key: string, name: string): Target {
  return target(owner, key, 'crypto', name, true);
}

function allSync(owner: object, group: SyncIoGroup): Target[] {
  return Object.keys(owner)
    .filter((key) => key.endsWith('Sync'))
    .map((key) => {
      const name = `${group}.${key}`;
      // every uuid fills a few bytes, which takes less time than the use of the thread pool
      return target(owner, key, group, name, name === 'crypto.randomFillSync');
    });
}

/**
 * Whether writing to a descriptor blocks. Files always block. Terminals block except on Windows, and pipes only there
 * (https://nodejs.org/api/process.html#a-note-on-process-io).
 */
function blocks(fd: 1 | 2): boolean {
  const windows = process.platform === 'win32';
  if (tty.isatty(fd)) return !windows;
  try {
    const stats = fileStats(fd);
    return stats?.isFile() === true || (windows && stats?.isFIFO() === true);
  } catch {
    return false;
  }
}
