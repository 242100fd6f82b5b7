// An app that declares a request id of its own.
import express from 'express';
import { productionize } from 'express-productionize';

declare global {
  namespace Express {
    interface Request {
      id?: string;
    }
  }
}

const app = productionize(express());
app.get('/', (req, res) => {
  res.send(req.id ?? 'none');
});
