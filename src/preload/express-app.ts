import type { Application } from 'express';

/** Tells an Express app from other request listeners: from routers, which cannot be configured, and from plain functions. */
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
