import { readFileSync } from 'node:fs';
import path from 'node:path';
import { nearestPackageFile } from '../deploy/package-files.js';
import { checkIds, type Filters } from '../doctor/filters.js';
import { attempt } from '../support/attempt.js';
import { type Arguments, didYouMean, UsageError } from './command.js';

/** The flags of what counts. */
export const filterFlags = {
  only: { type: 'string', value: '<ids>', help: 'the checks that count, such as compression-missing,domain' },
  silence: {
    type: 'string',
    multiple: true,
    value: '<id>=<reason>',
    help: 'accept a fault, which then costs no points; repeatable, also in package.json',
  },
} as const;

/** What counts, by the flags and the package.json of the script. */
export function filtersOf({ values }: Arguments, script: string): Filters {
  const { only: ids, silence: given } = values;
  const only = ids === undefined ? [] : String(ids).split(',');
  for (const id of only) checkId('--only', id);
  const flags = ((given ?? []) as readonly string[]).map((text): [string, string] => {
    const [, id, reason] = /^([^=]*)=(.*)$/s.exec(text) ?? [];
    return silenced('--silence', id ?? text, reason);
  });
  return { only, silenced: Object.fromEntries([...ofPackage(script), ...flags]) };
}

/** `"express-productionize": { "doctor": { "silence": { "<id>": "<reason>" } } }` of the nearest package.json. */
function ofPackage(script: string): [string, string][] {
  const directory = nearestPackageFile(path.dirname(script))?.directory;
  if (directory === undefined) return [];
  const file = path.join(directory, 'package.json');
  const content = attempt<unknown>(() => JSON.parse(readFileSync(file, 'utf8')), undefined);
  if (content === undefined) throw new UsageError(`doctor: ${file} is not valid JSON`);
  const accepted = ['express-productionize', 'doctor', 'silence'].reduce(property, content);
  if (accepted === undefined) return [];
  if (typeof accepted !== 'object' || accepted === null || Array.isArray(accepted)) {
    throw new UsageError(`doctor: expected an object of ids and reasons as "silence" of ${file}`);
  }
  return Object.entries(accepted).map(([id, reason]) => silenced(`"silence" of ${file}`, id, reason));
}

function property(value: unknown, name: string): unknown {
  return Object.hasOwn(Object(value), name) ? (value as Record<string, unknown>)[name] : undefined;
}

function silenced(where: string, id: string, reason: unknown): [string, string] {
  checkId(where, id);
  const line = typeof reason === 'string' ? reason.replace(/\s+/g, ' ').trim() : '';
  if (line === '')
    throw new UsageError(`${where}: expected the reason why ${id} is accepted, as in ${id}=reason`);
  return [id, line];
}

function checkId(where: string, id: string): void {
  if (checkIds.includes(id)) return;
  throw new UsageError(`${where}: there is no check ${JSON.stringify(id)}.${didYouMean(id, checkIds)}`);
}
