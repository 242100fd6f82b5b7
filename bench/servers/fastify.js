// Fastify with its own logger, compression and load shedding.
import compress from '@fastify/compress';
import underPressure from '@fastify/under-pressure';
import Fastify from 'fastify';

/** `oneLine`: a line per request, as the others write, where Fastify's default is two. */
export async function start({ oneLine }, load) {
  const app = Fastify({ logger: true, disableRequestLogging: oneLine });
  if (oneLine) {
    app.addHook('onResponse', async (request, reply) => {
      request.log.info({ req: request, res: reply, responseTime: reply.elapsedTime }, 'request completed');
    });
  }
  if (load.compression) await app.register(compress);
  // an interval without a sample, as on a busy machine, counts as an endless delay: long intervals
  await app.register(underPressure, { maxEventLoopDelay: 10_000, sampleInterval: 10_000 });
  const { onFastify } = await import(`../apps/${load.app}.js`);
  await onFastify(app, { load });
  await app.listen({ port: 0, host: '127.0.0.1' });
  return app.server;
}
