import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(__dirname, '..');
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');
const workflow = read('.github/workflows/ci.yml');
const commands = [...workflow.matchAll(/^\s*- run: (.+)$/gm)].map(([, command]) => command as string);

/** All that the commands of the workflow name in this way. */
const named = (pattern: RegExp) =>
  commands.flatMap((command) => [...command.matchAll(pattern)].map(([, name]) => name as string));

describe('the workflow of the public CI', () => {
  it('calls the gate', () => {
    const files = named(/\bbash (\S+)/g);
    expect(files).toEqual(['.ci/run']);
    for (const file of files) expect(existsSync(path.join(root, file))).toBe(true);
  });

  it('runs scripts that package.json has', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const used = named(/\bnpm run (?:--silent )?([\w:]+)/g);
    expect(used).toEqual(['build:js']);
    for (const name of used) expect(Object.keys(scripts)).toContain(name);
  });

  it('runs the HTTP tier by a name that jest.config.ts has, on macOS and Windows', () => {
    const tiers = [...read('jest.config.ts').matchAll(/displayName: '(\w+)'/g)].map(([, name]) => name);
    const used = named(/--selectProjects (\w+)/g);
    expect(used).toEqual(['http']);
    for (const name of used) expect(tiers).toContain(name);
    expect(workflow).toMatch(/os: \[macos-latest, windows-latest\]\n\s*node: \[20, 24\]/);
  });
});
