import { ProductionizeError, quote } from '../../support/errors.js';

/** Larger files are refused: no configuration of one app is that large. */
const maxBytes = 2 ** 20;

/** The deepest nesting of blocks that is read. */
export const maxDepth = 64;

/** An error about a file that cannot be checked. */
export function unreadable(name: string, what: string, line?: number): ProductionizeError {
  const at = line === undefined ? name : `${name}:${line}`;
  return new ProductionizeError('ERR_PRODUCTIONIZE_DEPLOY_FILE', `deploy --check: ${at}: ${what}.`);
}

/**
 * Returns the text with `\n` as the end of each line and without a byte order mark.
 *
 * @throws ProductionizeError when it is no text, or too large.
 */
export function sourceText(name: string, text: unknown): string {
  if (typeof text !== 'string') throw unreadable(quote(name), `expected text, got ${quote(text)}`);
  if (text.length > maxBytes) throw unreadable(name, `the file is larger than ${maxBytes / 2 ** 20} MiB`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are in no text
  if (/[\0-\x08\x0e-\x1a\x1c-\x1f]|\ufffd{2}/.test(text)) throw unreadable(name, 'the file is no text');
  return text.replace(/^\ufeff/, '').replace(/\r\n?/g, '\n');
}
