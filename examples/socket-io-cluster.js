// socket.io on several processes: the primary listens, and each session stays on one worker.
// The primary logs its port. To reach the clients of all workers, add an adapter of socket.io.
import http from 'node:http';
import { fileURLToPath } from 'node:url';
import express from 'express';
import { productionize, runCluster } from 'express-productionize';
import { Server } from 'socket.io';

/** Starts one worker: its HTTP server does not listen, the primary does. */
export function start() {
  const app = productionize(express());
  app.get('/', (_req, res) => {
    res.json({ worker: process.pid });
  });

  const io = new Server(http.createServer(app));
  io.on('connection', (socket) => {
    socket.on('echo', (text, reply) => reply({ text, worker: process.pid }));
  });
  return io;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const port = Number(process.env.PORT ?? 3000);
  await runCluster(start, { workers: 2, sticky: { port, host: '127.0.0.1' } });
}
