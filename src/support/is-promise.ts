/** Whether a value is a promise or another thenable. */
export function isPromise<Value>(value: Value | Promise<Value>): value is Promise<Value> {
  return (
    value !== null &&
    (typeof value === 'object' || typeof value === 'function') &&
    typeof (value as { then?: unknown }).then === 'function'
  );
}
