import nodeModule from 'node:module';
import path from 'node:path';
import type { AuditReport } from '../../src/doctor/index.js';
import { auditInTurn, describeExhibits, type Exhibit, faultsIn, project, serve } from './gallery-audits.js';

/** Files around an app that listens on PORT or 3000, each with a fault and without. */
const around: Record<string, [id: string, text: (sick: boolean) => string]> = {
  'nginx.conf': [
    'proxy-file',
    (sick) => `upstream app {
  server 127.0.0.1:3000 max_fails=0;
  keepalive 32;
  keepalive_timeout ${sick ? 90 : 55}s;
}
server {
  listen 80;
  error_page 502 504 /down.html;
  client_max_body_size 1m;
  location / {
    proxy_pass http://app;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $host;
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header X-Forwarded-Host $host;
    proxy_set_header Forwarded "";
  }
}
`,
  ],
  'deploy/haproxy.cfg': [
    'proxy-file',
    (sick) => `defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 60s
  option redispatch
  errorfile 503 /etc/haproxy/503.http

frontend web
  bind :80
  http-request set-header X-Forwarded-For %[src]
  http-request set-header X-Forwarded-Proto http
  http-request del-header Forwarded
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  default_backend app

backend app
  ${sick ? 'http-reuse never' : 'http-reuse safe'}
  pool-purge-delay 55s
  option httpchk GET /readyz
  server app1 127.0.0.1:3000 check
`,
  ],
  'app.service': [
    'service-file',
    (sick) => `[Service]
ExecStart=${sick ? '/usr/bin/npm start' : '/usr/bin/node server.cjs'}
Environment=NODE_ENV=production
User=app
Restart=always
`,
  ],
  Dockerfile: [
    'service-file',
    (sick) => `FROM node:24
ENV NODE_ENV=production
WORKDIR /app
COPY . .
USER node
${sick ? 'CMD node server.cjs' : 'CMD ["node", "server.cjs"]'}
`,
  ],
  'compose.yaml': [
    'service-file',
    (sick) => `services:
  app:
    build: .
    command: ["node", "server.cjs"]
    user: node
    restart: always
    environment:
      NODE_ENV: ${sick ? 'development' : 'production'}
    ports: ["80:3000"]
`,
  ],
  'k8s/app.yaml': [
    'service-file',
    (sick) => `apiVersion: apps/v1
kind: Deployment
metadata:
  name: app
spec:
  template:
    spec:
      containers:
        - name: app
          image: app
          command: [${sick ? '"npm", "start"' : '"node", "server.cjs"'}]
          env:
            - name: NODE_ENV
              value: production
          ports:
            - containerPort: 3000
`,
  ],
};

/** An ecosystem file of PM2. */
const ecosystem = (app: string) => ({
  'ecosystem.config.cjs': `module.exports = { apps: [{ script: 'server.cjs', ${app} }] };`,
});

const packageFile = (content: object) => JSON.stringify({ name: 'app', ...content });
const start = (command: string) => ({ 'package.json': packageFile({ scripts: { start: command } }) });

/** Node 20 does not show what ES modules import. */
const showsImports = 'registerHooks' in nodeModule;
const imported = [
  ['an import', "import 'cookie-parser';"],
  ['an import()', "await import('cookie-parser');"],
].map(([fault, line]): Exhibit => {
  return {
    id: 'dev-dependency',
    fault: `dev-dependency by ${fault}`,
    files: (state) => ({
      'package.json': packageFile({
        [state === 'sick' ? 'devDependencies' : 'dependencies']: { 'cookie-parser': '1' },
      }),
      'node_modules/cookie-parser/index.mjs': '',
      'node_modules/cookie-parser/package.json': '{ "main": "index.mjs" }',
      'load.mjs': `${line}\nif (process.env.NODE_ENV !== 'production') await import('nodemon');`,
      'server.cjs': `import('./load.mjs').then(() => ${serve});`,
    }),
  };
});

const exhibits: readonly Exhibit[] = [
  ...Object.entries(around).map(([name, [id, text]]): Exhibit => {
    return { id, fault: `${id} ${name}`, files: (state) => ({ [name]: text(state === 'sick') }) };
  }),
  {
    id: 'service-file',
    fault: 'service-file ecosystem.config.cjs',
    files: (state) => ecosystem(`env: { NODE_ENV: '${state === 'sick' ? 'staging' : 'production'}' }`),
  },
  {
    id: 'npm-parent',
    files: (state) => start(state === 'sick' ? 'npm run build && npm run serve' : 'node server.cjs'),
  },
  {
    id: 'npm-parent',
    fault: 'npm-parent in the Procfile',
    files: (state) => ({ Procfile: `web: ${state === 'sick' ? 'npm start' : 'node server.cjs'}\n` }),
  },
  {
    id: 'development-tool',
    files: (state) => start(`${state === 'sick' ? 'nodemon' : 'node'} server.cjs`),
  },
  {
    id: 'node-env',
    files: (state) => start(`NODE_ENV=${state === 'sick' ? 'development' : 'production'} node server.cjs`),
  },
  {
    id: 'dev-dependency',
    files: (state) => ({
      'package.json': packageFile({
        [state === 'sick' ? 'devDependencies' : 'dependencies']: { 'cookie-parser': '1' },
      }),
      'node_modules/cookie-parser/index.js': 'module.exports = () => {}',
      'server.cjs': `require('cookie-parser');\n${serve}`,
    }),
  },
  ...(showsImports ? imported : []),
  {
    id: 'lint-missing',
    files: (state) => ({
      'package.json': packageFile(state === 'sick' ? {} : { devDependencies: { '@biomejs/biome': '2' } }),
      'eslint.config.js': null,
    }),
  },
  {
    id: 'rate-limit-in-memory',
    files: () => ({ 'ecosystem.config.cjs': 'module.exports = { apps: [{\n  instances: "max",\n}] }' }),
  },
];

describeExhibits(exhibits);

const root = path.join(__dirname, '../..');
const name = (packageName: string) => JSON.stringify(path.join(root, 'node_modules', packageName));
const ours = JSON.stringify(path.join(root, 'dist/index.cjs'));
const routes = `const api = express.Router();
api.get('/users/:id', async (req, res) => res.json({ id: req.params.id }));
api.get('/users', async (_req, res) => res.json(Array(200).fill('a user')));
app.use('/api', api);
app.get('/', (_req, res) => res.send('home '.repeat(500)));
`;
const productionized = (express: string, middle = '') => `const express = require(${name(express)});
const { productionize } = require(${ours});
const app = express();
${middle}${routes}productionize(app);
app.listen(process.env.PORT ?? 3000);
`;
const healthy: Record<string, string> = {
  'with routers on Express 4': productionized('express4'),
  'with routers on Express 5': productionized('express'),
  'with helmet and body parsers': productionized(
    'express',
    `app.use(require(${name('helmet')})());\napp.use(express.json());\n`,
  ),
  'with sessions in a store': productionized(
    'express',
    `const session = require(${name('express-session')});
class Store extends session.Store { get(_id, done) { done(null, null); } set(_id, _session, done) { done(null); } }
app.use(session({ secret: 's', resave: false, saveUninitialized: false, store: new Store() }));
`,
  ),
  'with pino-http as its logger': productionized(
    'express',
    `app.use(require(${name('pino-http')})());
app.get('/logged', (req, res) => {
  req.log.info('a line of the app');
  res.send('logged');
});
`,
  ),
  'with a server of its own': productionized('express').replace(
    'app.listen(',
    "require('node:http').createServer(app).listen(",
  ),
};

describe('a productionized app', () => {
  it.each([
    [8000, ['ecosystem.config.cjs']],
    [12_000, []],
  ])('under a PM2 that kills it after %i ms has faults in the files %j', async (ms, expected) => {
    const files = { ...ecosystem(`kill_timeout: ${ms}`), 'server.cjs': productionized('express') };
    const { findings } = await auditInTurn(project(files), { signals: false });
    const evidence = findings.filter(({ id }) => id === 'service-file').flatMap((each) => each.evidence);
    expect(evidence.map(({ file }) => file)).toEqual(expected);
  });

  it.each(Object.entries(healthy))('%s has no fault', async (_name, text) => {
    expect(faultsIn(await auditInTurn(project({ 'server.cjs': text }), {}))).toEqual([]);
  });
});

/** An app with faults of several kinds, one of which only a signal shows. */
const faulty = `const express = require(${name('express')});
const app = express();
${routes}app.get('/file', (_req, res) => res.send(require('node:fs').readFileSync(__filename)));
app.get('/logged', (_req, res) => {
  console.log('a request');
  res.set('cache-control', 'public, max-age=60').cookie('seen', 'yes').send('logged');
});
app.listen(3000);
`;

it('an app with faults has the same score and the same findings, ten times', async () => {
  const script = project({ 'server.cjs': faulty });
  const reports = await Promise.all(Array.from({ length: 10 }, () => auditInTurn(script, {})));
  const texts = reports.map(({ score, findings, practices, notExamined, notes }) =>
    JSON.stringify({ score, findings, practices, notExamined, notes }),
  );
  expect(faultsIn(reports[0] as AuditReport)).toEqual([
    'synchronous-call',
    'sigterm-loses-requests',
    'cookie-in-shared-cache',
    'compression-missing',
    'blocking-log',
    'readiness-missing',
    'keep-alive-short',
    'powered-by',
  ]);
  expect([...new Set(texts)]).toEqual([texts[0]]);
  // ten audits with all their starts
}, 300_000);

it('a file that opens after its request was aborted, as on a slow disk, is found open', async () => {
  const late = `{ ...fs, open: (...args) => setTimeout(() => fs.open(...args), 100) }`;
  const middle = `const fs = require('node:fs');
app.get('/slow', (_req, res) => void fs.createReadStream(__filename, { fs: ${late} }).pipe(res.set('etag', '"1"')));
`;
  const text = productionized('express', middle).replace('(app);', '(app, { streamErrors: false });');
  const report = await auditInTurn(project({ 'server.cjs': text }), {});
  expect(faultsIn(report)).toContain('descriptor-leak');
});

it('an app on Express 4 that follows the guide by hand has no fault', async () => {
  const gallery = require.resolve('../fixtures/doctor/gallery.cjs');
  expect(faultsIn(await auditInTurn(gallery, { args: ['express4', 'none', 'healthy'] }))).toEqual([]);
});
