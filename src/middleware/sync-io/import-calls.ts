import { channel } from 'node:diagnostics_channel';
import Module from 'node:module';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { currentContext, type InternalRequestContext } from '../../support/context/context.js';
import { type CallSite, callSiteOf } from './call-site.js';

/** An `import()` in progress inside a request. */
interface PendingImport {
  readonly context: InternalRequestContext;
  readonly site: CallSite;
  readonly startedAt: number;
  /** The ES module that it loads. CommonJS files are loaded by `Module.prototype.load`, which is watched separately. */
  loaded: string | undefined;
  stop(): void;
}

/** Called when an `import()` has loaded a file. `ms` includes the time in which the event loop was not blocked. */
type ImportListener = (ms: number, context: InternalRequestContext, file: string, site: CallSite) => void;

type LoadHook = (url: string, context: object, nextLoad: NextLoad) => Loaded;
type NextLoad = (url: string, context: object) => Loaded;
interface Loaded {
  readonly format?: string | null;
}

// bound, since fake timers replace the method
const now = performance.now.bind(performance);

/**
 * Watches each `import()` inside a request that loads an ES module, which reads, compiles and runs it on the main
 * thread. Modules that are loaded already are not reported. Node 20 has no such hooks.
 */
export function observeImports(listener: ImportListener): () => void {
  const { registerHooks } = Module as { registerHooks?(hooks: { load: LoadHook }): { deregister(): void } };
  if (registerHooks === undefined) return () => {};
  const pending = new WeakMap<object, PendingImport>();

  function onStart(message: unknown): void {
    const context = currentContext();
    if (context === undefined || context.res.writableEnded) return;
    // the hook is installed only during an import(), because it is called for every module that is loaded
    const hooks = registerHooks?.({ load });
    const started: PendingImport = {
      context,
      site: callSiteOf(onStart),
      startedAt: now(),
      loaded: undefined,
      stop: () => hooks?.deregister(),
    };
    pending.set(message as object, started);

    function load(url: string, options: object, nextLoad: NextLoad): Loaded {
      const result = nextLoad(url, options);
      if (currentContext() === context && result.format?.startsWith('module')) started.loaded ??= url;
      return result;
    }
  }

  function onEnd(message: unknown): void {
    const ended = pending.get(message as object);
    if (ended === undefined) return;
    pending.delete(message as object);
    ended.stop();
    const { loaded, context, site, startedAt } = ended;
    if (loaded === undefined) return;
    listener(now() - startedAt, context, loaded.startsWith('file:') ? fileURLToPath(loaded) : loaded, site);
  }

  const subscriptions = [
    ['start', onStart],
    ['asyncEnd', onEnd],
    ['error', onEnd],
  ] as const;
  const channels = subscriptions.map(
    ([event, onEvent]) => [channel(`tracing:module.import:${event}`), onEvent] as const,
  );
  for (const [one, onEvent] of channels) one.subscribe(onEvent);
  return () => {
    for (const [one, onEvent] of channels) one.unsubscribe(onEvent);
  };
}
