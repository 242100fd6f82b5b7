import { once } from 'node:events';
import { expressNames } from '../helpers/express-names.js';
import { killAll, run } from '../helpers/program.js';

afterEach(killAll);

describe.each(expressNames)('an app on %s whose own code creates the server', (express) => {
  it.each(['http', 'ws', 'socket.io'])(
    'is ready for PM2 before its first request, and stops, with %s',
    async (form) => {
      const env = { pm_id: '0', exec_mode: 'fork_mode', wait_ready: 'true' };
      const program = run('own-server.mjs', { args: [express, form], env, ipc: true });
      const [message] = await once(program.child, 'message');
      expect(message).toBe('ready');
      expect(await program.line(/keepAliveTimeout/)).toBe('keepAliveTimeout: 65000');
      program.child.kill('SIGTERM');
      expect(await program.exit()).toEqual({ code: 0, signal: null });
    },
  );
});
