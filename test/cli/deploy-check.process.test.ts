import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { cleanUp, cli } from '../helpers/cli.js';

const script = path.join(__dirname, '../fixtures/deploy/app.cjs');
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'deploy-check-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true });
  cleanUp();
});

function file(name: string, text: string): string {
  const written = path.join(directory, name);
  writeFileSync(written, text);
  return written;
}

const nginx = (idle: string) => `upstream app {
    server 127.0.0.1:8080;
    keepalive 8;
    keepalive_timeout ${idle};
}
server {
    listen 80;
    client_max_body_size 5m;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Host $host;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header Forwarded "";
    error_page 502 503 504 /sorry.html;
    location / { proxy_pass http://app; }
}
`;

const image = 'FROM node:20\nENV NODE_ENV=production\nUSER node\nCMD ["node", "app.js"]\n';

it('names what disagrees with a running app, with exit code 1, and 0 where nothing does', async () => {
  const site = file('site.conf', nginx('60s'));
  const dockerfile = file('Dockerfile', image);
  const wrong = await cli(['deploy', '--check', site, dockerfile, script]);
  expect(wrong).toMatchObject({ code: 1, err: '' });
  expect(wrong.out).toMatch(
    /site\.conf:4 nginx\/idle-timeout\n {2}found {3}keepalive_timeout 60s;\n {2}app {5}the app closes idle connections after 12345 ms\n {2}reason .*502\n {2}write {3}keepalive_timeout 7s;\n/,
  );
  expect(wrong.out).toContain(`${dockerfile}: agrees with the app\n`);
  file('site.conf', nginx('7s'));
  const right = await cli(['deploy', '--check', site, script]);
  expect(right).toEqual({ code: 0, out: `${site}: agrees with the app\n`, err: '' });
});

it('a file of this package is compared with the flags in its first comment, and is out of date without them', async () => {
  const flags = ['--event-streams', '/feed', '--upstreams', '127.0.0.1:8080,127.0.0.1:8081'];
  const { out } = await cli(['deploy', 'nginx', script, ...flags, '--', 'express4']);
  const site = file('app.conf', out);
  expect(await cli(['deploy', '--check', site])).toMatchObject({ code: 0, err: '' });
  const changed = file('app.conf', out.replace('--event-streams=/feed ', ''));
  const { code, out: named } = await cli(['deploy', '--check', changed, '--json']);
  expect(code).toBe(1);
  expect(JSON.parse(named).files).toEqual([
    {
      file: changed,
      findings: [
        expect.objectContaining({
          id: 'origin/out-of-date',
          line: 2,
          fix: expect.stringMatching(
            /^npx express-productionize deploy nginx .* --upstreams=.* -- express4$/,
          ),
        }),
      ],
    },
  ]);
});

it('misuse and files that cannot be read have exit code 2', async () => {
  const missing = await cli(['deploy', '--check', path.join(directory, 'none.conf'), script]);
  expect(missing).toMatchObject({ code: 2, err: expect.stringMatching(/there is no file ".*none\.conf"/) });
  const flag = await cli(['deploy', '--check', file('Dockerfile', image), script, '--force']);
  expect(flag).toMatchObject({ code: 2, err: expect.stringMatching(/--force has no effect with --check/) });
  const broken = await cli([
    'deploy',
    '--check',
    file('b.conf', 'server {'),
    file('Dockerfile', image),
    script,
  ]);
  expect(broken).toMatchObject({
    code: 2,
    out: expect.stringMatching(/Dockerfile: agrees/),
    err: expect.stringMatching(/b\.conf:1: the `\{` of `server` has no `\}`/),
  });
});
