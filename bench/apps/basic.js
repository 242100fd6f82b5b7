// The app of most loads: a few routes without parameters.
import { failing, freshReport, megabyte, report, small, viewData, views } from './payloads.js';

export function onExpress(app, { express, wrap }) {
  app.set('view engine', 'ejs').set('views', views);
  app.get('/small', (_req, res) => res.json(small));
  app.get('/cached', (_req, res) => res.set('Cache-Control', 'public, max-age=3600').json(small));
  app.get('/report', (_req, res) => res.json(report));
  app.get('/fresh-report', (_req, res) => res.json(freshReport()));
  app.get('/view', (_req, res) => res.render('list', viewData));
  app.get('/failing', wrap(failing));
  app.get('/megabyte', (_req, res) => megabyte().pipe(res.type('bin')));
  app.post('/echo', express.json(), (req, res) => res.json(req.body));
}

export async function onFastify(app) {
  const [{ default: view }, { default: ejs }] = [await import('@fastify/view'), await import('ejs')];
  await app.register(view, { engine: { ejs }, root: views });
  app.get('/small', async () => small);
  app.get('/report', async () => report);
  app.get('/fresh-report', async () => freshReport());
  app.get('/view', (_request, reply) => reply.view('list.ejs', viewData));
  app.get('/failing', failing);
  app.get('/megabyte', (_request, reply) => reply.type('application/octet-stream').send(megabyte()));
  app.post('/echo', async (request) => request.body);
}
