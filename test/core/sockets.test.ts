import { once } from 'node:events';
import { io } from 'socket.io-client';
import { WebSocket } from 'ws';
import { expressNames } from '../helpers/express-names.js';
import { killAll } from '../helpers/program.js';
import { closeClients, type Running, start } from '../helpers/real-app.js';

afterEach(() => {
  closeClients();
  killAll();
});

async function echo(url: string, text: string): Promise<string> {
  const socket = new WebSocket(url);
  await once(socket, 'open');
  socket.send(text);
  const [answer] = await once(socket, 'message');
  socket.close();
  await once(socket, 'close');
  return String(answer);
}

async function servesHttpToo({ client, states }: Running) {
  const { status, body, headers } = await client.send({ path: '/' });
  expect({ status, body: String(body) }).toEqual({ status: 200, body: 'http' });
  expect(headers.has('x-request-id')).toBe((await states()).requestContext === 'on');
}

describe.each(expressNames)('beside an app on %s', (express) => {
  describe.each(['plain', 'before', 'after'])('%s', (way) => {
    it('socket.io works by polling, by WebSocket and from one to the other', async () => {
      const app = await start('real-sockets.mjs', way, [express, 'socket.io']);
      for (const transports of [['polling'], ['websocket'], ['polling', 'websocket']]) {
        const socket = io(`http://127.0.0.1:${app.client.port}`, { transports, forceNew: true });
        const upgraded = new Promise((resolve) => socket.io.engine?.once('upgrade', resolve));
        await new Promise((resolve, reject) =>
          socket.once('connect', () => resolve(undefined)).once('connect_error', reject),
        );
        if (transports.length === 2) await upgraded;
        const value = { text: 'x'.repeat(100_000), bytes: Buffer.alloc(5000, 1) };
        expect(await socket.emitWithAck('echo', value)).toEqual(value);
        const left = new Promise((resolve) => socket.once('disconnect', resolve));
        socket.emit('leave');
        expect(await left).toBe('io server disconnect');
      }
      await servesHttpToo(app);
    });

    it('a ws server takes upgrades on the server of app.listen', async () => {
      const app = await start('real-sockets.mjs', way, [express, 'ws']);
      expect(await echo(`ws://127.0.0.1:${app.client.port}/echo?a=1`, 'hello')).toBe('/echo?a=1: hello');
      const refused = new WebSocket(`ws://127.0.0.1:${app.client.port}/other`);
      expect(String((await once(refused, 'error'))[0])).toContain('400');
      await servesHttpToo(app);
    });
  });
});

describe.each(['plain', 'before', 'after'])('express-ws, %s', (way) => {
  it('routes WebSockets through the app and its middleware', async () => {
    const app = await start('real-sockets.mjs', way, ['express4', 'express-ws']);
    const url = `ws://127.0.0.1:${app.client.port}`;
    expect(await echo(`${url}/echo/ann`, 'hello')).toBe('ann, by middleware: hello');
    const nobody = new WebSocket(`${url}/nobody`);
    await once(nobody, 'close');
    await servesHttpToo(app);
  });

  if (way === 'plain') return;
  it('has nothing in flight when a WebSocket is closed', async () => {
    const { program, client } = await start('real-sockets.mjs', way, ['express4', 'express-ws']);
    await echo(`ws://127.0.0.1:${client.port}/echo/ann`, 'hello');
    void client.send({ path: '/crash' });
    expect(JSON.parse(await program.line(/uncaught error: draining/))).toMatchObject({ inFlight: 0 });
    expect(await program.exit()).toMatchObject({ code: 1 });
  });
});
