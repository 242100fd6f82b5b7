import { procfile } from './procfile.js';
import type { Target } from './target.js';

/** The targets by the name that the command line accepts. */
export const targets = { procfile } as const satisfies Readonly<Record<string, Target>>;

export type TargetName = keyof typeof targets;
