import fs from 'node:fs';
import path from 'node:path';
import { killAll, run } from '../helpers/program.js';

afterEach(killAll);

const root = fs.realpathSync(path.join(__dirname, '../..'));
// the name without `experimental` came with Node 22.13 and 23.5
const flag = process.allowedNodeEnvironmentFlags.has('--permission')
  ? '--permission'
  : '--experimental-permission';
const network = process.allowedNodeEnvironmentFlags.has('--allow-net') ? ['--allow-net'] : [];

describe('an app under the permission model of Node', () => {
  it.each(['production', 'development'])(
    'starts, responds and ends in %s as without it',
    async (NODE_ENV) => {
      const nodeArgs = [flag, ...network, `--allow-fs-read=${root}/*`];
      const program = run('permission-model.mjs', { nodeArgs, env: { NODE_ENV, NODE_NO_WARNINGS: '1' } });
      const { code } = await program.exit();
      expect([code, program.out.at(-1), program.err]).toEqual([0, 'responses: 200, 500, 404', []]);
    },
  );
});
