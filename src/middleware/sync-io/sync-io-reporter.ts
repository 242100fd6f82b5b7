import { runOutsideRequests } from '../../support/context/context.js';
import { quote, warnOnce } from '../../support/errors.js';
import { syncCallsPreloaded } from './sync-builtins.js';
import type { SyncIoFinding } from './sync-report.js';

/** Reports the findings of one detector, outside the requests that caused them. */
interface SyncIoReporter {
  count(finding: SyncIoFinding): void;
  /** Reports the remaining findings, and stops. */
  stop(): void;
}

const summaryMs = 10_000;

/** The findings of the detectors that have counted further calls of a known site since the last summary. */
const unsummarized = new Set<() => SyncIoFinding[]>();
let timer: NodeJS.Timeout | undefined;

/** Calls a function with each new finding. A call in a loop is one finding with a count. */
export function reportTo(onFinding: (finding: SyncIoFinding) => void): SyncIoReporter {
  const fresh = new Set<SyncIoFinding>();
  let soon: NodeJS.Immediate | undefined;

  function flush(): void {
    clearImmediate(soon);
    soon = undefined;
    for (const finding of fresh) {
      fresh.delete(finding);
      try {
        onFinding({ ...finding });
      } catch (error) {
        warnOnce('ERR_PRODUCTIONIZE_SYNC_IO', `\`onFinding\` threw ${quote(error)}.`, 'onFinding');
      }
    }
  }

  return {
    count(finding) {
      if (finding.count > 1) return;
      fresh.add(finding);
      soon ??= runOutsideRequests(setImmediate, flush);
    },
    stop: flush,
  };
}

/** Reports each new call site as a process warning. Summaries with counts follow while there are further calls. */
export function reportByWarnings(findings: () => SyncIoFinding[]): SyncIoReporter {
  const firsts = reportTo((finding) => {
    const message = `${describeFinding(finding)}. ${adviceOn(finding)}`;
    warnOnce('ERR_PRODUCTIONIZE_SYNC_IO', message, `${finding.api} ${finding.loaded} ${finding.site}`);
  });
  return {
    count(finding) {
      firsts.count(finding);
      if (finding.count === 1) return;
      unsummarized.add(findings);
      timer ??= runOutsideRequests(setTimeout, summarize, summaryMs).unref();
    },
    stop() {
      firsts.stop();
      unsummarized.delete(findings);
      if (unsummarized.size > 0) return;
      clearTimeout(timer);
      timer = undefined;
    },
  };
}

/** Prints one summary for all apps of the process. */
function summarize(): void {
  timer = undefined;
  const all = [...unsummarized].flatMap((findings) => findings());
  unsummarized.clear();
  process.emitWarning(summaryOf(all.sort((a, b) => b.totalMs - a.totalMs)), {
    type: 'ProductionizeWarning',
    code: 'ERR_PRODUCTIONIZE_SYNC_IO',
  });
}

/** Describes a finding in one line. */
export function describeFinding(finding: SyncIoFinding): string {
  const { api, loaded, site, method, route, reason, count, totalMs } = finding;
  const calls = count === 1 ? '1 call' : `${count} calls`;
  const where = `${method} ${route ?? '(before a route matched)'}`;
  const call = loaded === undefined ? api : `${api} of ${loaded}`;
  return `${call} at ${site} in ${where}: ${calls}, ${totalMs.toFixed(1)} ms${reason ? `, ${reason}` : ''}`;
}

/** Describes which calls are not detected, and how to detect them. */
export function coverage(): string {
  return syncCallsPreloaded()
    ? 'the functions were replaced before the app was loaded, so all calls are detected.'
    : 'calls of functions that modules have imported from fs, crypto … before are not detected. To detect them, too, ' +
        'start with `node --import express-productionize/sync-io`.';
}

function summaryOf(findings: SyncIoFinding[]): string {
  const calls = findings.reduce((sum, { count }) => sum + count, 0);
  const ms = findings.reduce((sum, { totalMs }) => sum + totalMs, 0);
  const lines = findings.slice(0, 10).map((finding) => `\n  ${describeFinding(finding)}`);
  return (
    `Synchronous calls in requests so far: ${calls}, ${ms.toFixed(1)} ms, ${findings.length} findings. ` +
    `The slowest:${lines.join('')}\n  ${coverage()}`
  );
}

function adviceOn({ group }: SyncIoFinding): string {
  switch (group) {
    case 'fs':
      return 'Use fs.promises, or read the file once at the start.';
    case 'require':
      return 'Load the module at the start.';
    case 'console':
      return 'Use a logger that writes without blocking.';
    default:
      return 'Use the asynchronous form, or a worker thread.';
  }
}
