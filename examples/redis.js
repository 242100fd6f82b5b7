// Redis for responses, shared by all processes, and for sessions: REDIS_URL=redis://127.0.0.1:6379
import { fileURLToPath } from 'node:url';
import { RedisStore } from 'connect-redis';
import express from 'express';
import { onShutdown, productionize, responseCache } from 'express-productionize';
import { redisStore } from 'express-productionize/redis';
import session from 'express-session';
import { createClient } from 'redis';

/** Makes the app on a Redis. */
export async function start(url) {
  const client = createClient({ url });
  client.on('error', (error) => console.error(`redis: ${error.message}`));
  await client.connect();
  // the store of responses connects duplicates of the client
  const store = redisStore({ client });
  const cache = responseCache({ store });

  const app = express();

  // the same for everybody: stored for a minute, in front of the sessions
  app.get('/products/:id', (req, res) => {
    res.set('Cache-Control', 'public, max-age=60');
    res.json({ id: req.params.id, madeBy: process.pid, at: process.hrtime.bigint().toString() });
  });
  app.post('/products/:id', async (req, res) => {
    await cache.purge({ prefix: `/products/${req.params.id}` });
    res.sendStatus(204);
  });

  app.use(
    session({
      name: 'sid',
      store: new RedisStore({ client }),
      secret: process.env.SESSION_SECRET ?? 'for this example only',
      resave: false,
      saveUninitialized: false,
    }),
  );
  app.get('/visits', (req, res) => {
    req.session.visits = (req.session.visits ?? 0) + 1;
    res.json({ visits: req.session.visits });
  });

  productionize(app, { cache });
  onShutdown(async () => {
    store.close();
    await client.close();
  });
  return app;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const app = await start(process.env.REDIS_URL ?? 'redis://127.0.0.1:6379');
  const server = app.listen(process.env.PORT ?? 3000, '127.0.0.1', () => {
    console.error(`listening on http://127.0.0.1:${server.address().port}`);
  });
}
