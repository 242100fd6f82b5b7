// A route behind express-session. The session of the load's cookie is in the store before the first request.
import fastifyCookie from '@fastify/cookie';
import fastifySession from '@fastify/session';
import { RedisStore } from 'connect-redis';
import expressSession from 'express-session';
import { createClient } from 'redis';
import { freePort, startDaemon } from '../servers/daemon.js';
import { session } from './payloads.js';

const options = { secret: session.secret, resave: false, saveUninitialized: false };

export async function onExpress(app, { load }) {
  app.use(
    expressSession({
      ...options,
      store: await filled(load.redis ? await redis() : new expressSession.MemoryStore()),
    }),
  );
  app.get('/me', (req, res) => res.json(req.session.user));
}

export async function onFastify(app, { load }) {
  await app.register(fastifyCookie);
  await app.register(fastifySession, {
    ...options,
    cookieName: 'connect.sid',
    cookiePrefix: 's:',
    cookie: { secure: false },
    rolling: false,
    store: await filled(load.redis ? await redis() : new fastifySession.MemoryStore()),
  });
  app.get('/me', async (request) => request.session.user);
}

async function filled(store) {
  await new Promise((resolve, reject) => {
    store.set(session.id, session.stored, (error) => (error ? reject(error) : resolve()));
  });
  return store;
}

/** A store in a Redis that starts, and ends, with this process. */
async function redis() {
  const port = await freePort();
  await startDaemon(
    port,
    'redis-server',
    '--port',
    `${port}`,
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--loglevel',
    'warning',
  );
  const client = await createClient({ url: `redis://127.0.0.1:${port}` }).connect();
  return new RedisStore({ client });
}
