// A client without an HTTP library, for what load generators do not do: a number of requests, and requests at a rate.
import { once } from 'node:events';
import net from 'node:net';

const connectAtOnce = 100;

/** Opens keep-alive connections that send the request of a load. A connection that fails rejects what waits for it. */
export async function connect(origin, load, count) {
  const connections = [];
  while (connections.length < count) {
    const batch = Math.min(connectAtOnce, count - connections.length);
    connections.push(...(await Promise.all(Array.from({ length: batch }, () => open(origin, load)))));
  }
  return {
    connections,
    close() {
      for (const { socket } of connections) socket.destroy();
    },
  };
}

async function open(origin, load) {
  const { host, hostname, port } = new URL(origin);
  const socket = net.connect({ host: hostname, port, noDelay: true }).setEncoding('latin1');
  await once(socket, 'connect');
  const request = requestText(host, load);
  let received = '';
  let waiting;
  socket.on('data', (chunk) => {
    received += chunk;
    const status = statusOf(received);
    if (status === undefined) return;
    received = '';
    waiting.resolve(status);
  });
  socket.on('error', (error) => waiting?.reject(error));
  socket.on('close', () => waiting?.reject(new Error('the server closed a connection')));
  return {
    socket,
    /** Sends one request; resolves with the status of its response. */
    send() {
      return new Promise((resolve, reject) => {
        waiting = { resolve, reject };
        socket.write(request);
      });
    },
  };
}

function requestText(host, { method, path, headers, body }) {
  const length = body ? { 'Content-Length': Buffer.byteLength(body) } : {};
  const lines = Object.entries({ Host: host, ...headers, ...length }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  return [`${method} ${path} HTTP/1.1`, ...lines, '', body].join('\r\n');
}

/** The status of a response that has arrived completely, or undefined. */
function statusOf(received) {
  const head = received.indexOf('\r\n\r\n');
  if (head < 0) return undefined;
  const length = /^content-length: *(\d+)/im.exec(received);
  if (!length || length.index > head) throw new Error('a response without Content-Length');
  return received.length < head + 4 + Number(length[1]) ? undefined : Number(received.slice(9, 12));
}

/** Each connection sends its next request on the response to the last, for a time or up to an amount of requests. */
export async function closedLoop(connections, { amount = Infinity, seconds = Infinity }) {
  const start = performance.now();
  const until = start + seconds * 1000;
  let sent = 0;
  let errorStatus = 0;
  const run = async ({ send }) => {
    while (sent < amount && performance.now() < until) {
      sent += 1;
      if ((await send()) >= 400) errorStatus += 1;
    }
  };
  await Promise.all(connections.map(run));
  return { requests: sent, errorStatus, failed: 0, took: (performance.now() - start) / 1000 };
}

/**
 * Requests are due at random times (a Poisson process), whatever the server does. Returns the milliseconds from when
 * each was due to its response: a request that waits for a connection waits as its client would.
 */
export async function openLoop(connections, { perSecond, seconds }) {
  const free = [...connections];
  const due = [];
  const latencies = [];
  let failure;
  const exchange = async (connection, dueAt) => {
    await connection.send();
    latencies.push(performance.now() - dueAt);
    free.push(connection);
    sendDue();
  };
  const sendDue = () => {
    while (free.length > 0 && due.length > 0) {
      exchange(free.shift(), due.shift()).catch((error) => {
        failure ??= error;
      });
    }
  };
  const start = performance.now();
  const until = start + seconds * 1000;
  let next = start;
  // a timer instead of setImmediate would be up to a millisecond late
  while (!failure && (next < until || free.length < connections.length)) {
    await new Promise(setImmediate);
    const now = Math.min(performance.now(), until);
    for (; next <= now; next += (-Math.log(1 - Math.random()) * 1000) / perSecond) due.push(next);
    sendDue();
  }
  if (failure) throw failure;
  return latencies;
}
