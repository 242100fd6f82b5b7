import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { installed } from '../helpers/installed.js';
import { killAll, run } from '../helpers/program.js';

const watched = mkdtempSync(path.join(tmpdir(), 'nodemon-'));

afterEach(killAll);
afterAll(() => rmSync(watched, { recursive: true }));

const fixture = path.join(__dirname, '../fixtures/log-level.mjs');

/** Runs the fixture, whose logger has `levelSignal: 'SIGUSR2'`, under the real nodemon. */
function nodemon(...args: string[]) {
  const bin = path.join(installed('nodemon', '3.1.14'), 'node_modules/nodemon/bin/nodemon.js');
  const program = run(bin, { args: ['--watch', watched, ...args], env: { NODE_ENV: 'development' } });
  const starts = () => program.out.filter((line) => line.includes('ready')).length;
  return {
    ...program,
    async started(times: number) {
      while (starts() < times) await program.more();
    },
    restart: () => writeFileSync(path.join(watched, 'changed.js'), String(Math.random())),
    async stop() {
      program.child.kill('SIGTERM');
      // nodemon does not end the app where a shell runs between them
      for (const line of program.out.filter((one) => one.includes('ready'))) {
        try {
          process.kill(JSON.parse(line).pid, 'SIGKILL');
        } catch {}
      }
      await program.exit();
    },
  };
}

describe('under nodemon', () => {
  it.each([
    ['node', [fixture, '600000']],
    ['a shell', ['--exec', `${process.execPath} --enable-source-maps ${fixture} 600000`]],
  ])('a levelSignal that restarts the app is refused, and restarts work (started by %s)', async (_, args) => {
    const program = nodemon(...args);
    expect(await program.line(/ERR_PRODUCTIONIZE_LEVEL_SIGNAL/)).toMatch(
      /SIGUSR2 does not change the log level, because nodemon restarts the app with it .* Run nodemon with --signal SIGTERM, or use SIGUSR1/,
    );
    await program.started(1);
    program.restart();
    await program.started(2);
    await program.stop();
  });

  it('a levelSignal is used where nodemon restarts with another one', async () => {
    const program = nodemon('--signal', 'SIGTERM', fixture, '600000');
    await program.started(1);
    program.restart();
    await program.started(2);
    await program.stop();
    expect(program.err.join('\n')).not.toContain('ERR_PRODUCTIONIZE_LEVEL_SIGNAL');
  });
});
