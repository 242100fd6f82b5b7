/** Whether something is a promise, of any kind that can be awaited. */
export function isPromise<Value>(value: Value | Promise<Value>): value is Promise<Value> {
  return (
    value !== null &&
    (typeof value === 'object' || typeof value === 'function') &&
    typeof (value as { then?: unknown }).then === 'function'
  );
}
