import type { Observations } from './observations.js';

/** How much harm a fault does: `high` loses requests or data, `medium` costs capacity or safety, `low` is a matter of order. */
export type Severity = 'high' | 'medium' | 'low';

/** The sections of the guide "Production best practices: performance and reliability", and of its guide on security. */
export type Practice =
  | 'compression'
  | 'synchronous calls'
  | 'static files'
  | 'logging'
  | 'exceptions'
  | 'NODE_ENV'
  | 'restarts'
  | 'cluster'
  | 'cached results'
  | 'load balancer'
  | 'reverse proxy'
  | 'security';

/** What was seen, and where. */
export interface Evidence {
  readonly text: string;
  readonly file?: string;
  readonly line?: number;
  readonly route?: string;
}

/** A fault that a check has found. */
export interface Finding {
  readonly id: string;
  readonly practice: Practice;
  readonly severity: Severity;
  readonly title: string;
  readonly evidence: readonly Evidence[];
  /** Why it is a fault, with the harm. */
  readonly reason: string;
  /** What to do, with a line of code where there is one. */
  readonly fix: string;
  /** The section of the documentation. */
  readonly docs: string;
  /** Whether a baseline contains it. */
  readonly known?: boolean;
}

/** A fault that the project accepts. */
export interface SilencedFinding extends Finding {
  /** Why it is accepted. */
  readonly because: string;
}

/** One check. Its words describe the fault, so that documentation can be written from the table of checks. */
export interface Check extends Omit<Finding, 'evidence' | 'docs' | 'known'> {
  /** Whether `productionize(app)` mends it. */
  readonly mendedByLine: boolean;
  find(seen: Observations): readonly Evidence[];
}
