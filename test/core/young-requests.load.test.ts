import http from 'node:http';
import { killAll, run } from '../helpers/program.js';

afterEach(killAll);

/**
 * The bytes by which the old space of an app grows for each request. Objects that survive collections of the young space
 * are moved there, each with all that it refers to.
 */
async function growth(express: string): Promise<number> {
  const nodeArgs = ['--max-semi-space-size=1', '--initial-old-space-size=1000'];
  const program = run('young-requests.mjs', { nodeArgs, env: { EXPRESS: express } });
  const port = await program.port();
  const agent = new http.Agent({ keepAlive: true, maxSockets: 16 });
  const get = (path: string) =>
    new Promise<string>((resolve, reject) => {
      http
        .get({ agent, port, path }, (res) => {
          let text = '';
          res.setEncoding('utf8').on('data', (chunk) => {
            text += chunk;
          });
          res.on('end', () => resolve(text));
        })
        .on('error', reject);
    });
  const load = async (requests: number) => {
    let left = requests;
    const client = async () => {
      while (left-- > 0) await get('/areas/things/42');
    };
    await Promise.all(Array.from({ length: 16 }, client));
  };
  // until the code is compiled and the caches are full
  await load(5000);
  const before = Number(await get('/old-space'));
  const requests = 3000;
  await load(requests);
  const after = Number(await get('/old-space'));
  agent.destroy();
  return (after - before) / requests;
}

it.each(['express', 'express4'])(
  'requests on connections that stay open are collected young, on %s',
  async (express) => {
    expect(await growth(express)).toBeLessThan(1500);
  },
);
