import path from 'node:path';
import { auditInTurn, faultsIn, project, removeProjects } from '../doctor/gallery-audits.js';
import { cleanUp } from '../helpers/daemons.js';
import { itNeeds } from '../helpers/needs.js';
import { startRedis } from '../helpers/redis.js';

const root = path.join(__dirname, '../..');
const name = (packageName: string) => JSON.stringify(path.join(root, 'node_modules', packageName));
const it = itNeeds('redis-server');

afterEach(cleanUp);
afterAll(removeProjects);

/** An app whose requests load and save sessions. */
const app = (store: string) => `const express = require(${name('express')});
const session = require(${name('express-session')});
const { RedisStore } = require(${name('connect-redis')});
const { productionize } = require(${JSON.stringify(path.join(root, 'dist/index.cjs'))});
const client = require(${name('redis')}).createClient({ url: process.env.REDIS_URL });
const app = express();
app.set('trust proxy', 1);
app.use(session({ secret: 'secret', resave: false, saveUninitialized: false, ${store}cookie: { secure: 'auto' } }));
app.get('/visits', (req, res) => {
  req.session.visits = (req.session.visits ?? 0) + 1;
  res.json({ visits: req.session.visits });
});
productionize(app);
client.connect().then(() => app.listen(process.env.PORT ?? 3000));
`;

it('the doctor finds no fault in an app with sessions in Redis, which the app has used', async () => {
  const redis = await startRedis();
  const options = { env: { REDIS_URL: redis.url } };
  const report = await auditInTurn(
    project({ 'server.cjs': app('store: new RedisStore({ client }), ') }),
    options,
  );
  expect(faultsIn(report)).toEqual([]);
  expect(report.routes).toContainEqual(expect.objectContaining({ route: 'GET /visits', status: 200 }));
  expect(await redis.cli.keys('sess:*')).not.toEqual([]);

  const other = await auditInTurn(project({ 'server.cjs': app('') }), { ...options, signals: false });
  expect(faultsIn(other)).toEqual(['sessions-in-memory']);
});
