import { attempt } from '../../../support/attempt.js';
import { unreadable } from '../source-text.js';

export interface Instruction {
  /** In upper case. */
  readonly name: string;
  /** What follows it, on one line. */
  readonly value: string;
  readonly line: number;
}

export interface Stage {
  readonly image: string;
  readonly as: string | undefined;
  readonly from: Instruction;
  readonly instructions: readonly Instruction[];
}

export interface Dockerfile {
  /** The instructions of the last stage and of those it is built on, in their order. */
  readonly instructions: readonly Instruction[];
  /** The image under all of them. */
  readonly baseImage: string;
  readonly from: Instruction;
}

const maxStages = 256;

/**
 * Reads a Dockerfile.
 *
 * @throws ProductionizeError when it has no stage, or a line is no instruction.
 */
export function readDockerfile(name: string, text: string): Dockerfile {
  const stages: Stage[] = [];
  const beforeFrom: Instruction[] = [];
  let instructions: Instruction[] = [];
  for (const instruction of instructionsOf(name, text)) {
    if (instruction.name !== 'FROM') {
      if (stages.length === 0 && instruction.name !== 'ARG') {
        throw unreadable(name, `\`${instruction.name}\` stands before \`FROM\``, instruction.line);
      }
      (stages.length === 0 ? beforeFrom : instructions).push(instruction);
      continue;
    }
    const [, image = '', as] =
      /^(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?\s*$/i.exec(replaceVariables(instruction.value, beforeFrom)) ??
      [];
    instructions = [];
    if (stages.length === maxStages)
      throw unreadable(name, `more than ${maxStages} stages`, instruction.line);
    stages.push({ image, as: as?.toLowerCase(), from: instruction, instructions });
  }
  const last = stages.at(-1);
  if (last === undefined) throw unreadable(name, 'the file has no `FROM`');
  const chain = [last];
  for (let at = stages.length - 1; at >= 0; ) {
    const { image } = stages[at] as Stage;
    at = stages.findLastIndex((stage, i) => i < at && stage.as === image.toLowerCase());
    if (at >= 0) chain.unshift(stages[at] as Stage);
  }
  return {
    instructions: chain.flatMap((stage) => stage.instructions),
    baseImage: (chain[0] as Stage).image,
    from: last.from,
  };
}

function* instructionsOf(name: string, text: string): Generator<Instruction> {
  const escapes = /^(?:#[^\n]*\n)*#\s*escape\s*=\s*`/i.test(text) ? '`' : '\\';
  const lines = text.split('\n');
  for (let i = 0; i < lines.length; i++) {
    const line = i + 1;
    const parts: string[] = [];
    for (; i < lines.length; i++) {
      const part = (lines[i] as string).trim();
      // comments and empty lines between continued lines are left out
      if (part === '' || part.startsWith('#')) {
        if (parts.length === 0) break;
        continue;
      }
      const isContinued = part.endsWith(escapes);
      parts.push(isContinued ? part.slice(0, -1) : part);
      if (!isContinued) break;
    }
    if (parts.length === 0) continue;
    const [, word = '', value = ''] = /^([A-Za-z]+)(?:\s+([\s\S]*))?$/.exec(parts.join(' ').trim()) ?? [];
    if (word === '') throw unreadable(name, 'expected an instruction', line);
    yield { name: word.toUpperCase(), value: value.trim(), line };
    if (/^(RUN|COPY|ADD)$/i.test(word)) i = endOfHeredocs(name, lines, i, value);
  }
}

/** The index of the last line of the heredocs that a line starts. */
function endOfHeredocs(name: string, lines: readonly string[], start: number, value: string): number {
  let i = start;
  for (const [, , word] of value.matchAll(/<<-?(["']?)([A-Za-z_]\w*)\1/g)) {
    const from = i + 1;
    do i += 1;
    while (i < lines.length && (lines[i] as string).trim() !== word);
    if (i >= lines.length) throw unreadable(name, `\`<<${word}\` has no end`, from);
  }
  return i;
}

/** The words of the JSON form; `undefined` for the shell form. */
export function jsonForm(value: string): string[] | undefined {
  if (!value.startsWith('[')) return undefined;
  const parsed: unknown = attempt(() => JSON.parse(value));
  return Array.isArray(parsed) && parsed.every((word) => typeof word === 'string') ? parsed : undefined;
}

/** The variables that ENV sets. */
export function variablesOf(
  instructions: readonly Instruction[],
  name = 'ENV',
): Map<string, { value: string; place: Instruction }> {
  const variables = new Map<string, { value: string; place: Instruction }>();
  for (const place of instructions.filter((each) => each.name === name)) {
    const pairs = [...place.value.matchAll(/(\w+)=("(?:\\.|[^"\\])*"|'[^']*'|(?:\\.|[^\s\\])*)/g)];
    const [, key, rest] = /^(\w+)\s+(.*)$/.exec(place.value) ?? [];
    if (pairs.length === 0 && key !== undefined) variables.set(key, { value: rest as string, place });
    for (const [, key = '', value = ''] of pairs) {
      variables.set(key, { value: value.replace(/^(["'])(.*)\1$/, '$2'), place });
    }
  }
  return variables;
}

/** Replaces variables that ARG gives a default. */
export function replaceVariables(text: string, instructions: readonly Instruction[]): string {
  const known = variablesOf(instructions, 'ARG');
  return text.replace(/\$\{?(\w+)\}?/g, (whole, name: string) => known.get(name)?.value ?? whole);
}
