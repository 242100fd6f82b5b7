import { Session } from 'node:inspector';
import { attempt } from '../../support/attempt.js';
import type { AnyFunction } from '../../support/express-layers.js';

interface Properties {
  readonly internalProperties?: readonly {
    readonly name: string;
    readonly value?: { readonly objectId?: string };
  }[];
}

const global = globalThis as unknown as Record<string, unknown>;
const name = '__expressProductionizeDoctor';

/**
 * Whether a middleware is a limiter of express-rate-limit whose counts are in the memory of this process. Its public
 * `resetKey` is bound to the store, and only the inspector shows to which.
 */
export function hasLocalRateLimit(handle: AnyFunction): boolean {
  const { resetKey, getKey } = handle as { resetKey?: unknown; getKey?: unknown };
  if (typeof resetKey !== 'function' || typeof getKey !== 'function') return false;
  const store = attempt(() => boundTo(resetKey), undefined) as { localKeys?: unknown } | undefined;
  return store?.localKeys === true;
}

/** The object to which a function is bound. A session in the same thread responds before `post` returns. */
function boundTo(bound: unknown): unknown {
  const session = new Session();
  session.connect();
  try {
    global[name] = bound;
    const id = objectId(session, name);
    let found: string | undefined;
    session.post('Runtime.getProperties', { objectId: id, ownProperties: true }, (_error, result) => {
      const { internalProperties = [] } = result as unknown as Properties;
      found = internalProperties.find((each) => each.name === '[[BoundThis]]')?.value?.objectId;
    });
    if (found === undefined) return undefined;
    session.post('Runtime.callFunctionOn', {
      objectId: found,
      functionDeclaration: `function () { globalThis.${name} = this }`,
    });
    return global[name];
  } finally {
    delete global[name];
    session.disconnect();
  }
}

function objectId(session: Session, expression: string): string {
  let id = '';
  session.post('Runtime.evaluate', { expression }, (_error, result) => {
    id = result?.result.objectId ?? '';
  });
  return id;
}
