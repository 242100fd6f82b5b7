import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(__dirname, '..');
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');
const page = read('test/promises.md');

interface Proof {
  readonly title: string;
  readonly file: string;
}

interface Promised {
  readonly sentence: string;
  readonly proofs: Proof[];
}

/** Each promise is an item of a list, its proofs are links in the list below it. */
function promisesOf(text: string): Promised[] {
  const promises: Promised[] = [];
  for (const line of text.split('\n')) {
    const sentence = /^- (.+)$/.exec(line)?.[1];
    if (sentence !== undefined) promises.push({ sentence, proofs: [] });
    const [, title, file] = /^ {2}- \[(.+)\]\((\S+)\)$/.exec(line) ?? [];
    if (title !== undefined && file !== undefined) {
      promises.at(-1)?.proofs.push({ title: title.replace(/\\(.)/g, '$1'), file: `test/${file}` });
    }
  }
  return promises;
}

function holdsTest({ title, file }: Proof): boolean {
  const absolute = path.join(root, file);
  if (!existsSync(absolute)) return false;
  const source = readFileSync(absolute, 'utf8');
  return ["'", '"', '`'].some((quote) => source.includes(`${quote}${title}${quote}`));
}

describe('the promises', () => {
  const promises = promisesOf(page);
  const proofs = promises.flatMap((promised) => promised.proofs);

  it('are all read', () => {
    expect(promises.length).toBeGreaterThan(140);
    // one link leads to the page for users
    expect(proofs).toHaveLength((page.match(/\]\(/g)?.length ?? 0) - 1);
  });

  it('are those of the page for users, in the same order', () => {
    const sentences = (text: string) => promisesOf(text).map(({ sentence }) => sentence);
    expect(sentences(read('docs/promises.md'))).toEqual(sentences(page));
  });

  it('have a proof each', () => {
    const bare = promises.filter((promised) => promised.proofs.length === 0);
    expect(bare.map(({ sentence }) => sentence)).toEqual([]);
  });

  it('are proved by tests that exist, by file and title', () => {
    expect(proofs.filter((proof) => !holdsTest(proof))).toEqual([]);
  });

  it('would miss a test that is gone', () => {
    const [{ file }] = proofs as [Proof];
    expect(holdsTest({ file, title: 'proves nothing' })).toBe(false);
    expect(holdsTest({ file: 'test/gone.test.ts', title: 'proves nothing' })).toBe(false);
  });
});
