import type { Application } from 'express';
import { debugFor } from '../support/debug.js';
import { quote } from '../support/errors.js';
import {
  type AnyFunction,
  createLayer,
  expressMajor,
  type Router,
  routerOf,
} from '../support/express-layers.js';
import { isLogger } from '../support/part-logger.js';
import { pipelineKey } from '../support/symbols.js';
import { findMiddleware } from './express/found-middleware.js';
import { refuseSelfMount } from './express/self-mount.js';
import { type Assembly, type Part, type Running, warnOfFound } from './parts/part.js';
import { attachPipeline, type Pipeline } from './pipeline.js';
import { type Attached, describeServer, type Facts, makeReport, type PartReport } from './report.js';

const debug = debugFor('productionize');

/** Sets up the parts in order and attaches those that run to the app. */
export function assemble(order: readonly Part[], assembly: Assembly): Attached {
  const { app, lifecycle, options, environment } = assembly;
  const running = new Map<Part, Running>();
  /** Parts that do nothing because the app mounts its own middleware for the same task. */
  const foundParts = new Set<Part>();
  /** The reason why a part does not run, or the middleware of the app that it runs beside. */
  const reasons = new Map<Part, string>();
  let booted = false;
  const undoOfBoot: (() => void)[] = [];

  for (const part of order) {
    const off = options[part.name] === false ? 'switched off by option' : part.offBecause?.(assembly);
    if (off === undefined) running.set(part, part.setUp(assembly));
    else reasons.set(part, off);
  }

  const all = <Name extends keyof Running>(name: Name): NonNullable<Running[Name]>[] =>
    [...running.values()].flatMap((set) => (set[name] ?? []) as NonNullable<Running[Name]>[]);

  const pipeline: Pipeline = {
    context: assembly.context,
    lifecycle,
    first: all('first'),
    observers: all('before'),
    cache: all('cache')[0],
    after: all('after')[0],
    fastServer: all('fastServer').length > 0,
    boot() {
      booted = true;
      const router = routerOf(app);
      leaveInPlace(findMiddleware(router));
      undoOfBoot.push(addFirst(app, router, all('layer')));
      for (const { boot } of running.values()) undoOfBoot.unshift(...[boot?.(router) ?? []].flat());
      this.first = all('first');
      this.observers = all('before');
      this.cache = all('cache')[0];
      if (lifecycle.state === 'starting') lifecycle.state = 'ready';
      debug(() => ['%s', String(report())]);
    },
    onServer(server) {
      for (const { onServer } of running.values()) onServer?.(server);
    },
    onServersClosed() {
      for (const { onServersClosed } of running.values()) onServersClosed?.();
    },
  };

  /**
   * Removes each part for which the app mounts its own middleware. A part with options given by name stays when both
   * can run.
   */
  function leaveInPlace(found: ReturnType<typeof findMiddleware>): void {
    for (const [part, { undo }] of [...running]) {
      const theirs = part.finds?.(found);
      if (theirs === undefined) continue;
      const named = Object.keys(optionsOf(part));
      if (named.length > 0 && part.runsBesideFound) {
        reasons.set(part, `${part.reason}; beside ${theirs} of the app, since options were given`);
        continue;
      }
      warnOfFound(part.name, theirs, named);
      undo?.();
      running.delete(part);
      foundParts.add(part);
      reasons.set(part, leftInPlace(theirs));
    }
  }

  function optionsOf({ name }: Part): Facts {
    const given = options[name];
    if (typeof given !== 'object' || isLogger(given)) return {};
    const entries = Object.entries(given).filter(([, value]) => value !== undefined);
    return Object.fromEntries(entries.map(([key, value]) => [key, describe(value)]));
  }

  function reportPart(part: Part): PartReport {
    const { name } = part;
    const set = running.get(part);
    if (set === undefined) {
      const state = foundParts.has(part) ? 'kept' : 'off';
      return { name, state, reason: reasons.get(part) ?? '', facts: {}, options: optionsOf(part) };
    }
    const found = set.found?.();
    if (found !== undefined) {
      return { name, state: 'kept', reason: leftInPlace(found), facts: {}, options: optionsOf(part) };
    }
    const facts: Facts = {
      ...set.facts?.(),
      ...(!booted && part.finds && { pending: 'one of the app itself is looked for when it listens' }),
    };
    return {
      name,
      state: 'on',
      reason: reasons.get(part) ?? set.reason ?? part.reason,
      facts,
      options: optionsOf(part),
    };
  }

  const { detach, adopt } = attachPipeline(app, pipeline);
  const allowSelfMount = refuseSelfMount(app);

  const report: Attached['report'] = () =>
    makeReport({
      express: expressMajor(app),
      environment: `NODE_ENV=${environment.raw ?? '(not set)'}`,
      parts: order.map(reportPart),
      servers: [...lifecycle.servers].map(describeServer),
      findings: [...assembly.findings],
    });

  return {
    options,
    report,
    adopt,
    restore() {
      detach();
      allowSelfMount();
      for (const put of undoOfBoot) put();
      for (const { undo } of [...running.values()].reverse()) undo?.();
      running.clear();
      delete (app as unknown as { [pipelineKey]?: Attached })[pipelineKey];
    },
  };
}

/** Express 4 has two layers of its own first, which parse the query and set the prototypes. */
const firstLayer = { 4: 2, 5: 0 };

/** Adds middleware before all layers of the app's router. Returns its undo. */
function addFirst(app: Application, router: Router, handlers: readonly unknown[]): () => void {
  const { stack } = router;
  const layers = handlers.map((handler) => createLayer(router, handler as AnyFunction));
  stack.splice(firstLayer[expressMajor(app)], 0, ...layers);
  return () => {
    for (const layer of layers) {
      const at = stack.indexOf(layer);
      if (at !== -1) stack.splice(at, 1);
    }
  };
}

function leftInPlace(found: string): string {
  return `found ${found}, left in place`;
}

function describe(value: unknown): Facts[string] {
  if (['string', 'number', 'boolean'].includes(typeof value) || value === null) return value as Facts[string];
  const isList = Array.isArray(value) && value.every((item) => typeof item === 'string');
  return isList ? (value as readonly string[]) : quote(value);
}
