/** Returns the number of calls on the stack. It shows whether another package has wrapped a function: names prove nothing. */
export function stackDepth(): number {
  const { prepareStackTrace, stackTraceLimit } = Error;
  const holder: { stack?: unknown } = {};
  Error.stackTraceLimit = Number.POSITIVE_INFINITY;
  Error.prepareStackTrace = (_error, sites) => sites.length;
  Error.captureStackTrace(holder);
  const { stack } = holder;
  Object.assign(Error, { prepareStackTrace, stackTraceLimit });
  return stack as number;
}
