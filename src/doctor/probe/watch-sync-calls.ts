import type { Application } from 'express';
import { detectSyncIo } from '../../middleware/sync-io/index.js';
import type { SyncIoFinding } from '../../middleware/sync-io/sync-report.js';
import type { AnyFunction } from '../../support/express-layers.js';
import { wrapMethod } from '../../support/replace-method.js';

export interface WatchedSyncCalls {
  findings(): SyncIoFinding[];
  stop(): void;
}

/** Reports synchronous calls in requests of an app that is not changed otherwise. */
export function watchSyncCalls(app: Application, onRequest = (): void => {}): WatchedSyncCalls {
  const detector = detectSyncIo({ enabled: true, onFinding() {} });
  const restore = wrapMethod(app, 'handle', (original: AnyFunction) => {
    return function handle(this: unknown, ...args: unknown[]) {
      const [req, res] = args;
      onRequest();
      (detector as unknown as AnyFunction)(req, res, () => original.apply(this, args));
    };
  });
  return {
    findings: () => detector.findings(),
    stop() {
      restore();
      detector.uninstall();
    },
  };
}
