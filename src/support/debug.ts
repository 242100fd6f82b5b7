import createDebug from 'debug';

/**
 * Our own diagnostics, in the namespaces `productionize:*` of the `debug` package. The arguments are a function,
 * so that a namespace that is off costs one comparison and builds nothing.
 */
export type Debug = (describe: () => [format: string, ...args: unknown[]]) => void;

/** Makes the diagnostics function of one part. */
export function debugFor(part: string): Debug {
  const print = createDebug(`productionize:${part}`);
  return function debug(describe) {
    if (print.enabled) print(...describe());
  };
}
