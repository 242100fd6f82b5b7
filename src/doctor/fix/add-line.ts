/** A line that is put into a file, counted from 1 in the new text. */
export interface AddedLine {
  readonly line: number;
  readonly text: string;
}

interface Added {
  readonly text: string;
  readonly lines: readonly AddedLine[];
}

const declaration =
  /^(?<indent>[ \t]*)(?:export )?(?:const|let|var)\s+(?<name>[A-Za-z_$][\w$]*)\s*(?::\s*[\w.]+\s*)?=\s*[A-Za-z_$][\w$.]*\(\s*\)(?<end>\s*;?)[ \t]*(?:\/\/.*)?$/;
/** A line with which a declaration without a semicolon does not continue. */
const beginsStatement = /^\s*(?:$|[A-Za-z_$}@#]|\/\/|\/\*)/;
const importsSomething = /^\ufeff?import\b.*(?:\bfrom\b|['"])/m;
const ownImport = "import { productionize } from 'express-productionize';";

/**
 * Adds `productionize` to a file after the line in which its app is created. An `import` may stand anywhere at the top
 * level, so it is put first, where no code can be around it.
 *
 * @returns the new text with its new lines, or why their place is not certain
 */
export function addProductionize(text: string, line: number): Added | string {
  const eol = text.includes('\r\n') ? '\r\n' : '\n';
  const lines = text.split(/\r?\n/);
  if (text !== lines.join(eol)) return 'its lines end in different ways';
  const created = lines[line - 1] ?? '';
  const { indent = '', name, end } = declaration.exec(created)?.groups ?? {};
  if (name === undefined) return 'the app is created in an expression that is more than a declaration';
  const isEnded = end?.endsWith(';') === true;
  if (!isEnded && !beginsStatement.test(lines[line] ?? ''))
    return 'the declaration continues in the next line';

  const isModule = importsSomething.test(text);
  if (isModule && /\bproductionize\b/.test(text)) return 'it uses the name `productionize` already';
  const semicolon = isEnded ? ';' : '';
  const call = isModule
    ? `${indent}productionize(${name})${semicolon}`
    : `${indent}require('express-productionize').productionize(${name})${semicolon}`;
  const added: AddedLine[] = [{ line: line + 1, text: call }];
  lines.splice(line, 0, call);
  if (isModule) {
    const first = lines[0]?.startsWith('#!') ? 1 : 0;
    const statement = isEnded ? ownImport : ownImport.slice(0, -1);
    // a mark of the byte order stays first
    const mark = first === 0 && lines[0]?.startsWith('\ufeff') ? '\ufeff' : '';
    if (mark) lines[0] = (lines[0] as string).slice(1);
    lines.splice(first, 0, mark + statement);
    added[0] = { line: line + 2, text: call };
    added.unshift({ line: first + 1, text: statement });
  }
  return { text: lines.join(eol), lines: added };
}
