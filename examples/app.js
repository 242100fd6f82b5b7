// An ordinary Express app, and one line. Try it with the commands in the README of this directory.
import { createReadStream } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import express from 'express';
import { productionize, report } from 'express-productionize';

const app = express();
app.use(express.json());

app.get('/', (_req, res) => {
  res.json({ hello: 'production' });
});

// compressed for clients that accept it
app.get('/report', (_req, res) => {
  res.json(Array.from({ length: 200 }, (_, id) => ({ id, name: `item ${id}`, price: id * 1.5 })));
});

// an error nobody catches
app.get('/throws', async () => {
  await delay(1);
  throw new Error('the database is down');
});

// a stream that fails before its first byte
app.get('/broken', (_req, res) => {
  createReadStream('no-such-file').pipe(res);
});

// a download that a client may abandon
app.get('/download', (_req, res) => {
  createReadStream('/dev/zero').pipe(res);
});

app.post('/echo', (req, res) => {
  res.json(req.body);
});

// the line: before or after the routes
productionize(app);

export default app;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const server = app.listen(process.env.PORT ?? 3000, '127.0.0.1', () => {
    console.error(report(app));
    console.error(`listening on http://127.0.0.1:${server.address().port}`);
  });
}
