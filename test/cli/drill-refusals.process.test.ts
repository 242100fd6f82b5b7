import { once } from 'node:events';
import net from 'node:net';
import { cleanUp, drill, drillProgram, fixture, shortGrace } from '../helpers/drills.js';
import { run } from '../helpers/program.js';

afterEach(cleanUp);

/** Two that are free, and not the same. */
async function freePorts(): Promise<[string, string]> {
  const servers = [0, 0].map((port) => net.createServer().listen(port, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => String((server.address() as net.AddressInfo).port));
  for (const server of servers) server.close();
  await Promise.all(servers.map((server) => once(server, 'close')));
  return ports as [string, string];
}

describe('an app that cannot be drilled', () => {
  const refuse = async (script: string, args: string[], message: RegExp, env: NodeJS.ProcessEnv = {}) => {
    const { code, out, err } = await drill(fixture(script), args, env).done();
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(message);
  };

  it.each<[string, string, string[], RegExp]>([
    ['a script that does not exist', 'none.mjs', [], /^drill: there is no script "[^"]*none\.mjs"/],
    [
      'an app that crashes at boot',
      'no-boot.mjs',
      [],
      /^drill: the app did not start: a worker died before all were ready\. Its last output:(?=.*Error: no database)(?=.*worker \d+ died: exit code 1)/s,
    ],
    [
      'an app that never listens',
      'silent.mjs',
      ['--seconds', '3'],
      /^drill: the app did not start: it was not ready in time\. An app is ready when it listens/,
    ],
    [
      'an app that never responds',
      'hangs.mjs',
      ['--seconds', '10'],
      /^drill: GET \/ got no response over HTTP: the time limit was reached/,
    ],
    [
      'an app that listens on two ports',
      'two-ports.mjs',
      [],
      /^drill: expected the app to listen on one port, got \d+, \d+\. --port names one\./,
    ],
    [
      'a port on which the app does not listen',
      'app.mjs',
      ['--port', '1'],
      /^drill: the app does not listen on port 1: its ports are \d+\./,
    ],
    [
      'no stream of events',
      'app.mjs',
      ['--sse', '/'],
      /^drill: GET \/ is no stream of events: status 200, content type text\/html/,
    ],
    [
      'no WebSocket',
      'app.mjs',
      ['--websocket', '/none'],
      /^drill: GET \/none opens no WebSocket: status 400/,
    ],
    ['no upload', 'app.mjs', ['--upload', '/none'], /^drill: POST \/none: status 404\. Pass a path/],
  ])('%s: exit code 2', async (_, script, args, message) => {
    await refuse(script, args, message, shortGrace);
  });

  it.each<[string[], RegExp]>([
    [['-w', '1'], /^--workers: expected 2 or more/],
    [['--reloads', '0'], /^--reloads: expected a whole number from 1 to 1000, got "0"/],
    [['--path', 'x'], /^--path: expected a path such as \/health, got "x"/],
    [['--sse', '/a b'], /^--sse: expected a path/],
    [['other.js'], /^drill: unexpected argument "other.js"/],
    [['--nonsense'], /nonsense/],
  ])('%j: exit code 2', async (args, message) => {
    await refuse('app.mjs', args, message);
  });

  it('no script: exit code 2', async () => {
    const asked = run(drillProgram, { args: ['drill'] });
    expect((await asked.exit()).code).toBe(2);
    expect(asked.err[0]).toBe('drill: expected the script of an app');
  });

  it('two ports, of which one is named', async () => {
    const [one, other] = await freePorts();
    const { done } = drill(fixture('two-ports.mjs'), ['--port', other, '--reloads', '1', '--json'], {
      ONE: one,
      OTHER: other,
    });
    const { code, out } = await done();
    expect(JSON.parse(out)).toMatchObject({ port: Number(other), lost: 0 });
    expect(code).toBe(0);
  });
});
