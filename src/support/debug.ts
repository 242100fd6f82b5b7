import createDebug from 'debug';

/**
 * Prints diagnostics in the namespaces `productionize:*` of the `debug` package. The arguments are passed as a
 * function, so that a disabled namespace costs only one comparison.
 */
type Debug = (describe: () => [format: string, ...args: unknown[]]) => void;

/** Creates the diagnostics function of one part. */
export function debugFor(part: string): Debug {
  const print = createDebug(`productionize:${part}`);
  return function debug(describe) {
    // without any enabled namespace, the accessor `enabled` of each one need not run
    if (createDebug.names.length > 0 && print.enabled) print(...describe());
  };
}
