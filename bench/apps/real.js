// An app as many are: the usual middleware, authentication, 12 routers of 24 routes.
import fastifyCookie from '@fastify/cookie';
import fastifyCors from '@fastify/cors';
import fastifyHelmet from '@fastify/helmet';
import cookieParser from 'cookie-parser';
import cors from 'cors';
import helmet from 'helmet';

const areas = Array.from({ length: 12 }, (_, n) => `area${n}`);
const things = Array.from({ length: 12 }, (_, n) => `thing${n}`);

const users = new Map([['Bearer 5f2b8c1e9d7a4036', { name: 'Ada', role: 'editor' }]]);
const corsOptions = { origin: 'https://app.example', credentials: true };

const thing = (id) => ({
  id,
  name: 'Analytical engine',
  description: 'The engine has no pretensions to originate anything. '.repeat(8),
  tags: ['brass', 'steam', 'numbers', 'cards'],
  owner: { id: 7, name: 'Charles', email: 'charles@example.com' },
  parts: Array.from({ length: 6 }, (_, n) => ({ sku: `part-${n}`, count: n * 7, price: n * 12.5 })),
  createdAt: '2024-02-29T12:00:00.000Z',
  updatedAt: '2024-03-01T08:30:00.000Z',
});

/** What a query of a database is to the handler: a promise. */
async function findThing(id) {
  return thing(id);
}

/** The first mistake in the body of a POST; undefined when there is none. */
function mistakeIn(body) {
  if (typeof body !== 'object' || body === null) return 'expected an object';
  if (typeof body.name !== 'string' || body.name.length > 100) return 'name: expected up to 100 characters';
  if (typeof body.description !== 'string') return 'description: expected a string';
  if (!/^[^@\s]+@[^@\s]+$/.test(body.email)) return 'email: expected an address';
  if (!Array.isArray(body.parts)) return 'parts: expected an array';
  const wrong = body.parts.findIndex(({ sku, count }) => !/^[\w-]+$/.test(sku) || !Number.isInteger(count));
  return wrong < 0 ? undefined : `parts[${wrong}]: expected sku and count`;
}

const created = ({ name, parts }) => ({ id: '43', name, parts: parts.length });

export function onExpress(app, { express, wrap }) {
  app.use(helmet(), cors(corsOptions), cookieParser(), express.json());
  app.use('/api', (req, res, next) => {
    req.user = users.get(req.headers.authorization);
    if (req.user) next();
    else res.status(401).json({ error: 'Unauthorized' });
  });
  for (const area of areas) {
    const router = express.Router();
    for (const name of things) {
      router.get(
        `/${name}/:id`,
        wrap(async (req, res) => res.json(await findThing(req.params.id))),
      );
      router.post(`/${name}`, (req, res) => {
        const error = mistakeIn(req.body);
        if (error) res.status(400).json({ error });
        else res.status(201).json(created(req.body));
      });
    }
    app.use(`/api/v1/${area}`, router);
  }
}

export async function onFastify(app) {
  await app.register(fastifyHelmet);
  await app.register(fastifyCors, corsOptions);
  await app.register(fastifyCookie);
  app.decorateRequest('user', undefined);
  app.addHook('onRequest', async (request, reply) => {
    request.user = users.get(request.headers.authorization);
    if (!request.user) return reply.code(401).send({ error: 'Unauthorized' });
  });
  for (const area of areas) {
    await app.register(
      async (router) => {
        for (const name of things) {
          router.get(`/${name}/:id`, async (request) => findThing(request.params.id));
          router.post(`/${name}`, async (request, reply) => {
            const error = mistakeIn(request.body);
            if (error) return reply.code(400).send({ error });
            return reply.code(201).send(created(request.body));
          });
        }
      },
      { prefix: `/api/v1/${area}` },
    );
  }
}
