import { AssertionError } from 'node:assert';
import diagnostics from 'node:diagnostics_channel';
import type { IncomingMessage } from 'node:http';
import { observeSyncCalls, type SyncIoGroup, syncIoGroups } from '../middleware/sync-io/sync-builtins.js';
import { callChecks } from '../middleware/sync-io/sync-io-options.js';
import { describeFinding } from '../middleware/sync-io/sync-io-reporter.js';
import { type SyncIoFinding, SyncReport } from '../middleware/sync-io/sync-report.js';
import { contextOf } from '../support/context/context.js';
import { ProductionizeError } from '../support/errors.js';
import { checkOptions } from '../support/options.js';

export type { SyncIoFinding, SyncIoGroup };

/** Options of {@link expectNoSyncIo}. */
export interface ExpectNoSyncIoOptions {
  /**
   * The groups of functions that are watched. The console is excluded, because whether it blocks depends on the output
   * of the test run.
   * @default ['fs', 'child_process', 'crypto', 'zlib', 'require']
   */
  readonly apis?: readonly SyncIoGroup[];
  /**
   * Shorter calls, in milliseconds, are not counted. Hashing, signing and random bytes have no usual asynchronous form,
   * and are counted from 10 ms on in any case.
   * @default 0
   */
  readonly minMs?: number;
  /**
   * Called once for each new finding. If it returns `true`, the finding is never reported.
   * @default nothing is ignored
   */
  readonly ignore?: (finding: SyncIoFinding) => boolean;
}

// Jest reads, compiles and hashes a module when it is first required
const testRunner = /[\\/]node_modules[\\/](?:jest-runtime|@jest[\\/]transform)[\\/]/;

const withoutConsole = syncIoGroups.filter((group) => group !== 'console');

/**
 * Calls a function, and fails when a synchronous call occurs in a request to this process meanwhile. It works in every
 * test runner and with any NODE_ENV. The app must use `detectSyncIo`, `requestContext` or `productionize`, which
 * distinguish its requests from the test.
 *
 * @returns the result of the function.
 * @throws AssertionError with the findings as `actual`.
 * @throws ProductionizeError when no request was seen, because such a test could not fail.
 * @example
 * await expectNoSyncIo(() => request(app).get('/users/1').expect(200))
 */
export async function expectNoSyncIo<Result>(
  fn: () => Result | PromiseLike<Result>,
  options?: ExpectNoSyncIoOptions,
): Promise<Result> {
  const { apis = withoutConsole, minMs = 0, ignore } = checkOptions('expectNoSyncIo', options, callChecks);
  const report = new SyncReport({
    minMs,
    ignore: (finding) => testRunner.test(finding.stack) || ignore?.(finding) === true,
  });
  const requests = new Set<IncomingMessage>();
  const onRequest = (message: unknown) => requests.add((message as { request: IncomingMessage }).request);
  const stopObserving = observeSyncCalls(onRequest, apis, report.record);
  diagnostics.subscribe('http.server.request.start', onRequest);
  try {
    const result = await fn();
    const findings = report.findings();
    if (findings.length > 0) throw synchronous(findings);
    if (![...requests].some(contextOf)) throw unseen(requests.size);
    return result;
  } finally {
    diagnostics.unsubscribe('http.server.request.start', onRequest);
    stopObserving();
  }
}

function synchronous(findings: SyncIoFinding[]): AssertionError {
  const lines = findings.map((finding) => `\n  ${describeFinding(finding)}`);
  return new AssertionError({
    message: `Expected no synchronous call in a request, got ${findings.length}:${lines.join('')}`,
    actual: findings,
    expected: [],
    operator: 'expectNoSyncIo',
    stackStartFn: expectNoSyncIo,
  });
}

function unseen(requests: number): ProductionizeError {
  return new ProductionizeError(
    'ERR_PRODUCTIONIZE_SYNC_IO',
    `expectNoSyncIo: expected a request to an app with detectSyncIo, requestContext or productionize, got ${
      requests === 0 ? 'no request' : `${requests} to an app without`
    }. Send one to a server in this process.`,
  );
}
