// The app that all Express servers of the bench share.
import { failing, freshReport, megabyte, report, small, viewData, views } from './payloads.js';

/** The `express` function of a major version. */
export async function expressOf(version) {
  const { default: express } = await import(version === 4 ? 'express' : 'express5');
  return express;
}

/** Adds the routes of the bench; `wrap` is what an app does for its async handlers. */
export function addRoutes(app, express, wrap = (handler) => handler) {
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

/** What Express 4 needs so that a rejection does not end the process. */
export function catchAsync(handler) {
  return (req, res, next) => {
    handler(req, res, next).catch(next);
  };
}
