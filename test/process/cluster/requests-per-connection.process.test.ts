import http from 'node:http';
import { ready, removeFolders, runFixture } from '../../helpers/clusters.js';
import { expressNames } from '../../helpers/express-names.js';
import { killAll } from '../../helpers/program.js';
import { get } from '../../helpers/serve.js';

afterEach(() => {
  killAll();
  removeFolders();
});

describe.each(expressNames)('a keep-alive client of a cluster on %s', (express) => {
  it.each([
    ['reaches all workers by a limit of requests per connection', { maxRequestsPerConnection: 5 }, 2],
    ['stays with one worker without a limit', { maxRequestsPerConnection: 0 }, 1],
  ])('%s', async (_title, gracefulShutdown, workers) => {
    const program = runFixture({ workers: 2 }, { express, app: { gracefulShutdown, requestLogger: false } });
    await ready(program, 2);
    const url = await program.url();
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const answers = [];
    for (let n = 0; n < 20; n++) answers.push(await get(url, { agent }));
    expect(new Set(answers.map(({ text }) => JSON.parse(text).pid)).size).toBe(workers);
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    agent.destroy();
  });

  it('has a limit of 1000 requests per connection by default', async () => {
    const program = runFixture({ workers: 2 }, { express, app: { requestLogger: false } });
    await ready(program, 2);
    const url = await program.url();
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    let requests = 1;
    while ((await get(url, { agent })).headers.connection !== 'close') requests++;
    expect(requests).toBe(1000);
    agent.destroy();
  });
});
