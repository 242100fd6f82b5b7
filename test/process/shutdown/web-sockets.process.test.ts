import { writeFileSync } from 'node:fs';
import type { Connection } from '../../helpers/connection.js';
import { expressNames } from '../../helpers/express-names.js';
import { clean, cleanUp, fileToCome, idle, open, starter } from '../../helpers/shutdowns.js';

afterEach(cleanUp);

const upgrade = (connection: Connection): Promise<void> =>
  connection.request(
    '/',
    'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n',
  );

/** A close frame of a server with the code 1012 (RFC 6455, 5.5.1), as latin1. */
const serviceRestart = Buffer.from([0x88, 2, 1012 >> 8, 1012 & 0xff]).toString('latin1');
/** The same of a client, masked with zeros. */
const closeReply = Buffer.from([0x88, 0x82, 0, 0, 0, 0, 1012 >> 8, 1012 & 0xff]).toString('latin1');

/** Takes part in the closing handshake of a WebSocket. */
async function expectClosed(connection: Connection): Promise<void> {
  await connection.has(/101 Switching Protocols/);
  await connection.has(new RegExp(serviceRestart));
  await connection.send(closeReply);
  expect(await connection.ended).toBe('end');
  expect(await connection.rest()).toContain(serviceRestart);
}

const refusal = /^HTTP\/1.1 503 Service Unavailable\r\nConnection: close\r\n/;

describe.each(expressNames)('WebSockets during the shutdown on %s', (expressName) => {
  const start = starter(expressName);

  it('a WebSocket that waits in the accept queue at the signal is closed with 1012', async () => {
    const busyUntil = fileToCome();
    const program = start({ webSockets: true, busyUntil });
    const port = await program.port();
    program.child.kill('SIGTERM');
    await program.line(/busy/);
    const client = await open(port);
    await upgrade(client);
    writeFileSync(busyUntil, '');
    await expectClosed(client);
    expect(await program.exit()).toEqual(clean);
  });

  it('a connection opened before the signal that becomes a WebSocket after it is closed with 1012', async () => {
    const program = start({ webSockets: true });
    const client = await open(await program.port());
    program.child.kill('SIGTERM');
    await program.line(/draining/);
    await upgrade(client);
    await expectClosed(client);
    expect(await program.exit()).toEqual(clean);
  });

  it('a connection that requests an upgrade after the WebSockets were closed gets 503', async () => {
    const program = start({ webSockets: true });
    const port = await program.port();
    const slow = await open(port);
    await slow.request('/slow/1');
    await program.line(/arrived 1/);
    const client = await idle(port);
    program.child.kill('SIGTERM');
    await program.line(/closing WebSockets/);
    await upgrade(client);
    expect(await client.ended).toBe('end');
    expect(await client.rest()).toMatch(refusal);
    program.child.kill('SIGUSR2');
    expect(await program.exit()).toEqual(clean);
  });

  it('a handshake that the app does not complete gets 503 and does not hold up the exit', async () => {
    const program = start({ webSockets: 'unverified' });
    const client = await open(await program.port());
    await upgrade(client);
    await program.line(/arrived handshake/);
    program.child.kill('SIGTERM');
    expect(await client.ended).toBe('end');
    expect(await client.rest()).toMatch(refusal);
    expect(await program.exit()).toEqual(clean);
  });

  it('onDrain hooks run when the limit ends before the accept queue is empty', async () => {
    const program = start({ drains: ['consumer'], options: { gracefulShutdown: { timeoutMs: 0 } } });
    await idle(await program.port());
    program.child.kill('SIGTERM');
    await program.exit();
    expect(program.err).toContain('told consumer');
  });
});
