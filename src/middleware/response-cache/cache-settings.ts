import type { IncomingMessage, ServerResponse } from 'node:http';
import type { QueryRule } from './cache-key.js';
import type { StoringRules } from './storability.js';

/** The resolved options of one cache. */
export interface CacheSettings extends StoringRules {
  readonly query: QueryRule;
  readonly cookies: ReadonlySet<string>;
  readonly waitMs: number;
  readonly tags: ((req: IncomingMessage, res: ServerResponse) => readonly string[]) | undefined;
  readonly cacheStatus: boolean;
  /** Whether a request may say how old an answer it takes. */
  readonly obeys: (req: IncomingMessage) => boolean;
}
