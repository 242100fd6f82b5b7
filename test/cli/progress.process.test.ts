import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { app, cleanUp, cli, program } from '../helpers/cli.js';
import { folder } from '../helpers/clusters.js';
import { itNeeds } from '../helpers/needs.js';
import { run } from '../helpers/program.js';

afterEach(cleanUp);

const eraseLine = '\x1b[K';

function siteWithFiles(): string {
  const directory = folder();
  for (const name of ['a', 'b', 'c'])
    writeFileSync(path.join(directory, `${name}.js`), `${name};`.repeat(2000));
  return directory;
}

describe('progress', () => {
  itNeeds('script').each([
    ['precompress', () => ['precompress', siteWithFiles()], /\d files: \d siblings written, 0 up to date/],
    ['drill', () => ['drill', app('listen.cjs'), '--reloads', '1'], /^reload 1 of 1: \d+ sent/],
  ])('of %s is one line on a terminal, which is erased at the end', async (_, args, progress) => {
    const shown = run(program, { args: args(), terminal: true, env: { TERM: 'xterm' } });
    await shown.exit();
    const lines = shown.out.filter((line) => line.startsWith(eraseLine));
    expect(lines.some((line) => progress.test(line.slice(eraseLine.length)))).toBe(true);
    const report = shown.out.slice(shown.out.lastIndexOf(lines.at(-1) as string));
    expect(report.length).toBeGreaterThan(1);
  });

  it('is not printed without a terminal', async () => {
    const done = await cli(['precompress', siteWithFiles()]);
    expect(done).toMatchObject({ code: 0, err: '' });
    expect(done.out).not.toContain('\x1b');
  });
});
