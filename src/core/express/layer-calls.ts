import type { IncomingMessage } from 'node:http';
import { guardHandler } from '../../middleware/async-errors/handler-call.js';
import { contextOf } from '../../support/context/context.js';
import type { AnyFunction, Layer } from '../../support/express-layers.js';
import { stackDepth } from '../../support/stack-depth.js';

interface Guard {
  readonly handle: AnyFunction;
  readonly guarded: AnyFunction;
}

const guards = new WeakMap<Layer, Guard>();

/**
 * Runs a method of a layer that calls its handler, and guards this call. The method runs on the layer itself, since
 * tracing agents identify layers. The guarded handler is on the layer only until it is called.
 */
export function callGuarded(layer: Layer, method: () => void): void {
  const { handle } = layer;
  let guard = guards.get(layer);
  if (guard?.handle !== handle) {
    guard = { handle, guarded: guardHandler(handle, (req) => enter(layer, req)) };
    guards.set(layer, guard);
  }
  replaceHandle(layer, guard.guarded);
  try {
    method();
  } finally {
    putBack(layer);
  }
}

function enter(layer: Layer, req: IncomingMessage): void {
  putBack(layer);
  const context = contextOf(req);
  if (context) context.handlerName = layer.name;
}

const inherited = new WeakSet<Layer>();

function replaceHandle(layer: Layer, value: AnyFunction): void {
  // express-async-errors has an accessor on the prototype, whose setter would wrap the function once more
  if (!Object.hasOwn(layer, 'handle')) inherited.add(layer);
  Object.defineProperty(layer, 'handle', { value, configurable: true, enumerable: true, writable: true });
}

function putBack(layer: Layer): void {
  const guard = guards.get(layer);
  if (guard === undefined || layer.handle !== guard.guarded) return;
  if (inherited.has(layer)) Reflect.deleteProperty(layer, 'handle');
  else replaceHandle(layer, guard.handle);
}

/**
 * Whether a method of the Layer prototype calls the handler itself. If another package has wrapped the method, its
 * function is on the stack, too.
 */
export function isCalledDirectly(
  method: (...args: never[]) => unknown,
  prototype: object,
  length: 3 | 4,
): boolean {
  let inside = 0;
  const handle = () => {
    inside = stackDepth();
  };
  Object.defineProperty(handle, 'length', { value: length });
  const layer = Object.create(prototype, { handle: { value: handle }, name: { value: 'handle' } });
  try {
    const args = [...(length === 4 ? [new Error('probe')] : []), {}, {}, () => {}];
    (method as AnyFunction).apply(layer, args);
    return inside === stackDepth() + 2;
  } catch {
    return false;
  }
}
