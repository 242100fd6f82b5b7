import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { killAll, run } from './helpers/program.js';
import { get } from './helpers/serve.js';

const temporary = path.join(__dirname, '../.tmp');
let directory: string;

// inside the project, where its imports are found
beforeAll(() => {
  mkdirSync(temporary, { recursive: true });
  directory = mkdtempSync(path.join(temporary, 'samples-'));
});
afterEach(killAll);
afterAll(() => rmSync(directory, { recursive: true, force: true }));

it('the first sample of the README serves, logs and ends without an error', async () => {
  const readme = readFileSync(path.join(__dirname, '../README.md'), 'utf8');
  const sample = /```js\n([\s\S]*?)```/.exec(readme)?.[1] as string;
  expect(sample.trim().split('\n').filter(Boolean)).toHaveLength(5);
  const text = sample.replace('app.listen(3000)', 'const server = app.listen(0)');
  const file = path.join(directory, 'app.mjs');
  const listening = "server.on('listening', () => console.error('listening on ' + server.address().port));";
  writeFileSync(file, `${text}\n${listening}\n`);
  const program = run(file);
  const url = `http://127.0.0.1:${await program.port()}`;
  expect((await get(url)).text).toBe('{"hello":"production"}');
  await program.line(/"msg":"GET \/ 200"/);
  program.child.kill('SIGTERM');
  expect(await program.exit()).toEqual({ code: 0, signal: null });
});
