import { warnOnce } from '../../support/errors.js';
import { type Router, walkLayers } from '../../support/express-layers.js';

// Only names distinguish such a handler from ordinary middleware, since calling it would have effects. A minified bundle has no
// such names, and nothing is reported there. The two letters of `ex` may be a minified name, so `req` must follow.
const errorParameter =
  /^(?:async\s*)?(?:function\b[^(]*)?\(?\s*_?(?:(?:err|error|exception)\s*(?=[,)=])|ex\s*,\s*_?req)/i;
const errorHandlerName = /err(?:or)?_?handler|handle_?err(?:or)?s?$/i;

/**
 * Reports error handlers that Express never calls as such. Express recognizes them by `fn.length === 4`. A default
 * value, a rest parameter or a wrapper that drops the length hides them
 * (https://expressjs.com/en/guide/error-handling.html).
 */
export function lintErrorHandlers(router: Pick<Router, 'stack'>): string[] {
  const found: string[] = [];
  walkLayers(router, ({ handle, name, route }) => {
    if (route || handle.stack || handle.length === 4) return;
    if (!errorHandlerName.test(handle.name) && !errorParameter.test(source(handle))) return;
    found.push(name);
    warnOnce(
      'ERR_PRODUCTIONIZE_ERROR_HANDLER_ARITY',
      `The error handler "${name}" declares ${handle.length} parameters: Express calls it as ordinary middleware, never for an error. Declare exactly four: (err, req, res, next), without default values.`,
      name,
    );
  });
  return found;
}

function source(fn: (...args: never[]) => unknown): string {
  return Function.prototype.toString.call(fn).slice(0, 200);
}
