import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const script = path.join(__dirname, '../scripts/check-language.js');

describe('the words of the project', () => {
  let directory: string;
  const check = () => spawnSync(process.execPath, [script, directory], { encoding: 'utf8' });

  beforeEach(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'language-'));
    for (const name of ['src/part', 'docs']) mkdirSync(path.join(directory, name), { recursive: true });
    for (const name of ['README.md', 'docs/page.md', 'src/part/index.ts']) {
      writeFileSync(path.join(directory, name), 'The handler responds.\n');
    }
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it('pass if they are those of Node and Express', () => {
    expect(check()).toMatchObject({ status: 0, stderr: '' });
  });

  it.each(['README.md', 'docs/page.md', 'src/part/index.ts'])(
    'fail in %s, with line and replacement',
    (name) => {
      writeFileSync(path.join(directory, name), '\nIt runs an errand.\n');
      expect(check()).toMatchObject({
        status: 1,
        stderr: expect.stringMatching(`^${path.normalize(name)}:2: "errand"; instead: .+\n$`),
      });
    },
  );

  it.each(['onAnswer', 'KeptFiles', '#folder', 'max_silence'])('fail as a part of the name %s', (name) => {
    writeFileSync(path.join(directory, 'src/part/index.ts'), `const ${name} = 1;\n`);
    expect(check()).toMatchObject({ status: 1, stderr: expect.stringMatching(/^src.part.index\.ts:1: /) });
  });

  it('are allowed in output and code of a document', () => {
    writeFileSync(path.join(directory, 'docs/page.md'), 'Print `answered`:\n\n```\n1 answered\n```\n');
    expect(check()).toMatchObject({ status: 0, stderr: '' });
    writeFileSync(path.join(directory, 'docs/page.md'), '```\n1 answered\n```\n\nIt answers.\n');
    expect(check()).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^docs.page\.md:5: "answers"/),
    });
  });

  it('fail in a sentence of more than 25 words, links aside', () => {
    const words = (count: number) => 'word '.repeat(count).trim();
    writeFileSync(path.join(directory, 'docs/page.md'), `${words(24)} [link](a b c d.md). ${words(25)}.\n`);
    expect(check()).toMatchObject({ status: 0, stderr: '' });
    writeFileSync(path.join(directory, 'docs/page.md'), `| ${words(26)} | ${words(25)} |\n`);
    expect(check()).toMatchObject({ status: 1, stderr: expect.stringMatching(/^docs.page\.md: 26 words/) });
  });
});
