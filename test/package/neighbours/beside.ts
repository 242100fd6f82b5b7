// An app that has what most apps have, and the line.
import express from 'express';
import { currentRequest, productionize, report } from 'express-productionize';
import session from 'express-session';
import helmet from 'helmet';
import morgan from 'morgan';
import { pinoHttp } from 'pino-http';

declare module 'express-session' {
  interface SessionData {
    visits: number;
  }
}

const app = productionize(express(), { requestLogger: false });
app.use(helmet(), morgan('combined'), pinoHttp());
app.use(session({ secret: 'a secret', resave: false, saveUninitialized: false }));
app.get('/', (req, res) => {
  req.session.visits = (req.session.visits ?? 0) + 1;
  req.log.info('the logger of pino-http');
  currentRequest()?.log?.info({ id: currentRequest()?.id }, 'that of the library');
  res.json({ visits: req.session.visits });
});
console.log(report(app)?.parts.length);
