import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ResponseHooks, ResponseWatcher } from '../../support/response-hooks.js';
import type { QueryRule } from './cache-key.js';
import type { CoalescedRequests } from './coalesced-requests.js';
import type { HitForPass } from './hit-for-pass.js';
import type { PurgeLog } from './purge-log.js';
import type { StoringRules } from './storability.js';
import type { StoreAccess } from './store-access.js';
import type { VariantLimit } from './variant-limit.js';

export interface CacheSettings extends StoringRules {
  readonly query: QueryRule;
  readonly cookies: ReadonlySet<string>;
  readonly waitMs: number;
  readonly tags: ((req: IncomingMessage, res: ServerResponse) => readonly string[]) | undefined;
  readonly cacheStatus: boolean;
  /** Whether the directives of a request are obeyed. */
  readonly obeys: (req: IncomingMessage) => boolean;
}

export interface CacheParts {
  readonly settings: CacheSettings;
  readonly store: StoreAccess;
  readonly coalesced: CoalescedRequests;
  readonly hitForPass: HitForPass;
  readonly purges: PurgeLog;
  readonly variants: VariantLimit;
  readonly hooks: ResponseHooks<ResponseWatcher>;
}
