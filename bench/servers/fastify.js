// Fastify with its own logger, compression and load shedding.
import compress from '@fastify/compress';
import underPressure from '@fastify/under-pressure';
import view from '@fastify/view';
import ejs from 'ejs';
import Fastify from 'fastify';
import { failing, freshReport, megabyte, report, small, viewData, views } from './payloads.js';

/** `oneLine`: a line per request, as the others write, where Fastify's default is two. */
export async function start({ oneLine }) {
  const app = Fastify({ logger: true, disableRequestLogging: oneLine });
  if (oneLine) {
    app.addHook('onResponse', async (request, reply) => {
      request.log.info({ req: request, res: reply, responseTime: reply.elapsedTime }, 'request completed');
    });
  }
  await app.register(compress);
  await app.register(underPressure, { maxEventLoopDelay: 10_000 });
  await app.register(view, { engine: { ejs }, root: views });
  app.get('/small', async () => small);
  app.get('/report', async () => report);
  app.get('/fresh-report', async () => freshReport());
  app.get('/view', (_request, reply) => reply.view('list.ejs', viewData));
  app.get('/failing', failing);
  app.get('/megabyte', (_request, reply) => reply.type('application/octet-stream').send(megabyte()));
  app.post('/echo', async (request) => request.body);
  await app.listen({ port: 0, host: '127.0.0.1' });
  return app.server;
}
