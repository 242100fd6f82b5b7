// An app that has nothing else on its requests, and opts in to the fields of the library.
import express from 'express';
import { productionize, type RequestFields } from 'express-productionize';

declare global {
  namespace Express {
    interface Request extends RequestFields {}
  }
}

const app = productionize(express());
app.get('/', async (req, res) => {
  req.log.info({ id: req.id }, 'asking the upstream');
  const upstream = await fetch('http://127.0.0.1:3001', { signal: req.signal });
  res.send(await upstream.text());
});
