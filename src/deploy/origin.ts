import { createHash } from 'node:crypto';
import { attempt } from '../support/attempt.js';
import type { DeploymentFacts } from './deployment-facts.js';
import { ownPackage } from './package-files.js';
import type { GeneratedFile } from './targets/target.js';

/** What a file was generated from. */
export interface Origin {
  /** The command that writes the file again. `undefined` where code has called the generator. */
  readonly command: string | undefined;
  readonly target: string;
  readonly facts: DeploymentFacts;
  readonly options: object;
  /** The version of the program from which on the file is valid. */
  readonly since: string;
}

const writtenBy = 'Written by';
const descriptionKey = '"description": ';
const isOurs = new RegExp(
  `^(?:#|//) ${writtenBy} (?:express-productionize|npx express-productionize deploy )`,
);
const comment = new RegExp(`^(?:#|//) ${writtenBy} (.+)\\n(?:#|//) Facts ([\\da-f]{12}), `);

/** Puts the comment with the origin in front of a file. */
export function withOrigin({ text, comment }: GeneratedFile, origin: Origin): string {
  const { command, since, target } = origin;
  const version = ownPackage()?.content.version ?? 'of unknown version';
  const by = command === undefined ? `express-productionize, target ${target}` : `npx ${command}`;
  const lines = [
    `${writtenBy} ${by}`,
    `Facts ${fingerprint(origin)}, express-productionize ${version}, for ${since} or later`,
  ];
  if (comment === 'json') return `{\n  ${descriptionKey}${JSON.stringify(lines.join('\n'))},${text.slice(1)}`;
  return lines
    .map((line) => `${comment} ${line}\n`)
    .concat(text)
    .join('');
}

/** The text itself, or the description at the start of a JSON file as comments. */
function commentsOf(text: string): string {
  const [, description] = /^\{\n {2}"description": ("(?:[^"\\]|\\.)*"),\n/.exec(text) ?? [];
  if (description === undefined) return text;
  return attempt(() => String(JSON.parse(description)).replace(/^/gm, '# '), '');
}

/** Whether a file begins with the comment of this package. */
export function hasOrigin(text: string): boolean {
  return isOurs.test(commentsOf(text));
}

/** What the first comment of a file states. */
export interface OriginComment {
  /** The command that writes the file again; `undefined` where code has called the generator. */
  readonly command: string | undefined;
  readonly target: string;
  readonly fingerprint: string;
}

/** Reads the first comment of a file of this package. */
export function originOf(text: string): OriginComment | undefined {
  const [, by = '', hash = ''] = comment.exec(commentsOf(text)) ?? [];
  const [, command, ofCommand] = /^npx (\S+ deploy (\S+).*)$/.exec(by) ?? [];
  const [, ofCode] = /, target (\S+)$/.exec(by) ?? [];
  const target = ofCommand ?? ofCode;
  return target === undefined ? undefined : { command, target, fingerprint: hash };
}

/** A short hash of the facts and options, which does not depend on the order of their names. */
export function fingerprint({
  target,
  facts,
  options,
}: Pick<Origin, 'target' | 'facts' | 'options'>): string {
  const text = JSON.stringify(sorted({ target, facts, options }));
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([one], [two]) => (one < two ? -1 : 1));
  return Object.fromEntries(entries.map(([name, item]) => [name, sorted(item)]));
}
