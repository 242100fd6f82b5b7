import { killAll, run } from '../helpers/program.js';

afterEach(killAll);

async function leftBy(mode: string, NODE_ENV: string): Promise<string[]> {
  const program = run('open-handles.cjs', { args: [mode], env: { NODE_ENV } });
  await program.exit();
  return JSON.parse(program.out[0] ?? '');
}

it.each(['test', 'development'])(
  'leaves no async resource open that plain Express closes, in %s',
  async (mode) => {
    expect(await leftBy('productionized', mode)).toEqual(await leftBy('plain', mode));
  },
);
