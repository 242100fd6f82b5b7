import type { InternalRequestContext } from '../../support/context/context.js';
import { quote, warnOnce } from '../../support/errors.js';
import { getOrCreate } from '../../support/get-or-create.js';
import { counts as metricCounts } from '../../support/metrics/counts.js';
import { type CallSite, callerOf, callSiteOf, isNodesOwn, isSkipped } from './call-site.js';
import type { Callable, SyncApi, SyncCallListener, SyncIoGroup } from './sync-builtins.js';

/** The synchronous calls of one function from one call site during the requests of one route. */
export interface SyncIoFinding {
  /** The function that blocked, such as `fs.readFileSync`. */
  readonly api: string;
  readonly group: SyncIoGroup;
  /** The file that `require` or `import()` loaded: its path below node_modules, if it is there, else its whole path. */
  readonly loaded: string | undefined;
  /** `file:line:column` of the first frame outside Node, Express and this package. */
  readonly site: string;
  readonly method: string;
  /** The route pattern, such as `/users/:id`; `undefined` before a route has matched. */
  readonly route: string | undefined;
  /** Why the call blocks, if its name does not show it. */
  readonly reason: 'console to a blocking stream' | undefined;
  /** The stack of the first of these calls. */
  readonly stack: string;
  readonly count: number;
  readonly totalMs: number;
  readonly maxMs: number;
}

type Counted = { -readonly [Name in keyof SyncIoFinding]: SyncIoFinding[Name] };

/** The calls of one function in one request so far. */
interface CallCounts {
  calls: number;
  latest: Counted | undefined;
}

interface SyncReportSettings {
  readonly minMs: number;
  readonly ignore: ((finding: SyncIoFinding) => boolean) | undefined;
  /** Called for every counted call. The count of a new finding is 1. */
  readonly onCount?: (finding: SyncIoFinding) => void;
}

/** Shorter calls of functions without a usual asynchronous form are not counted, in milliseconds. */
const slowMs = 10;
/**
 * The call sites of this many calls of one function per request are determined, at some microseconds each. Later calls
 * are counted at the last of these call sites.
 */
const locatedCalls = 25;
/** Code that is generated at run time always has new call sites, so the number of findings is bounded. */
const maxFindings = 1000;

/** Counts synchronous calls by function, call site and route. */
export class SyncReport {
  readonly #settings: SyncReportSettings;
  readonly #findings = new Map<string, Counted>();
  readonly #ignored = new Set<Counted>();
  readonly #sites = new Map<string, CallSite>();
  readonly #countsByRequest = new WeakMap<InternalRequestContext, Map<SyncApi, CallCounts>>();

  constructor(settings: SyncReportSettings) {
    this.#settings = settings;
  }

  /** All findings so far, in the order of their total time. */
  findings(): SyncIoFinding[] {
    const counted = [...this.#findings.values()].filter((finding) => !this.#ignored.has(finding));
    return counted.sort((a, b) => b.totalMs - a.totalMs).map((finding) => ({ ...finding }));
  }

  readonly record: SyncCallListener = (api, ms, context, trap, args, site) => {
    if (ms < this.#settings.minMs || (api.onlySlow && ms < slowMs)) return;
    const counts = this.#countsOf(context, api);
    const finding = counts.calls < locatedCalls ? this.#find(api, context, trap, args, site) : counts.latest;
    if (finding === undefined) return;
    counts.calls += 1;
    counts.latest = finding;
    finding.count += 1;
    finding.totalMs += ms;
    finding.maxMs = Math.max(finding.maxMs, ms);
    if (finding.count === 1 && this.#isIgnored(finding)) this.#ignored.add(finding);
    if (this.#ignored.has(finding)) return;
    metricCounts.syncCalls += 1;
    this.#settings.onCount?.(finding);
  };

  #countsOf(context: InternalRequestContext, api: SyncApi): CallCounts {
    const countsByApi = getOrCreate(this.#countsByRequest, context, () => new Map<SyncApi, CallCounts>());
    return getOrCreate(countsByApi, api, () => ({ calls: 0, latest: undefined }));
  }

  #find(
    api: SyncApi,
    context: InternalRequestContext,
    trap: Callable,
    args: readonly unknown[],
    site: CallSite | undefined,
  ): Counted | undefined {
    const where = site ?? this.#locate(api, trap);
    if (where === undefined || isOutOfReach(api, where)) return undefined;
    const { method, route } = context;
    const loaded = api.group === 'require' ? moduleName(String(args[0])) : undefined;
    const key = `${api.name} ${loaded} ${where.site} ${method} ${route}`;
    const known = this.#findings.get(key);
    if (known !== undefined || this.#findings.size >= maxFindings) return known;
    const finding: Counted = {
      api: api.name,
      group: api.group,
      loaded,
      site: where.site,
      method,
      route,
      reason: api.group === 'console' ? 'console to a blocking stream' : undefined,
      stack: where.stack,
      count: 0,
      totalMs: 0,
      maxMs: 0,
    };
    this.#findings.set(key, finding);
    return finding;
  }

  /**
   * Returns the call site, or `undefined` for a call by Node itself. A full stack costs ten times as much as the one
   * frame that identifies a known caller.
   */
  #locate(api: SyncApi, trap: Callable): CallSite | undefined {
    // Node loads each module, and only once
    if (api.group === 'require') return callSiteOf(trap);
    const caller = callerOf(trap);
    if (caller === undefined) return callSiteOf(trap);
    const key = `${caller.file}:${caller.offset}`;
    const known = this.#sites.get(key);
    if (known !== undefined) return known;
    if (isNodesOwn(caller.file)) return undefined;
    const site = callSiteOf(trap);
    // the code that called Express, and whether it renders a view, differ from call to call
    const differs = isSkipped(caller.file) || site.rendering;
    if (!differs && this.#sites.size < maxFindings) this.#sites.set(key, site);
    return site;
  }

  #isIgnored(finding: Counted): boolean {
    try {
      return this.#settings.ignore?.({ ...finding }) === true;
    } catch (error) {
      warnOnce(
        'ERR_PRODUCTIONIZE_SYNC_IO',
        `\`ignore\` threw ${quote(error)}; the finding is reported.`,
        'ignore',
      );
      return false;
    }
  }
}

/**
 * Whether the owner of the app cannot change the call. A package may load its own files late, or hash and sign. Express
 * may print an error. Express and a view engine read templates, which the setting `view cache` prevents in production.
 */
function isOutOfReach(api: SyncApi, { inPackage, inExpress, rendering }: CallSite): boolean {
  if (api.group === 'console' && inExpress) return true;
  return inPackage && (api.group === 'require' || api.onlySlow || rendering);
}

/** Returns the path below node_modules, such as `iconv-lite/encodings/index.js`. Other paths are returned whole. */
function moduleName(file: string): string {
  return file.replace(/^.*[\\/]node_modules[\\/]/, '');
}
