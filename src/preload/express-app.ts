import type { Application } from 'express';

/** Whether a request listener is an Express app, and neither a router, which cannot be configured, nor a plain function. */
export function isExpressApp(listener: unknown): listener is Application {
  if (typeof listener !== 'function') return false;
  const { handle, set, request, response } = listener as unknown as Record<string, unknown>;
  return (
    typeof handle === 'function' &&
    typeof set === 'function' &&
    typeof request === 'object' &&
    typeof response === 'object'
  );
}
