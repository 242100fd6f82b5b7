import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { serveControl } from '../../../src/process/cluster/control-socket.js';

const directory = mkdtempSync(path.join(os.tmpdir(), 'control-socket-'));
afterAll(() => rmSync(directory, { recursive: true }));

const sockets = () => readdirSync(directory).filter((name) => name.endsWith('.sock'));

/** The prototype of what listens on a socket of the file system, which Node does not export. */
async function handlePrototype(): Promise<{ listen(...args: unknown[]): number }> {
  const server = net.createServer().listen(path.join(directory, 'probe'));
  await new Promise((resolve) => server.once('listening', resolve));
  const { _handle: handle } = server as unknown as { _handle: object };
  const prototype = Object.getPrototypeOf(handle);
  server.close();
  return prototype;
}

it('a control socket appears when it listens, and for its user only, so that no client removes it', async () => {
  const prototype = await handlePrototype();
  const { listen } = prototype;
  const seen: string[][] = [];
  const spy = jest.spyOn(prototype, 'listen').mockImplementation(function (this: unknown, ...args) {
    seen.push(sockets());
    return listen.apply(this as never, args);
  });
  const control = await serveControl(directory, async () => ({ ok: true }) as never);
  spy.mockRestore();
  expect(seen).toEqual([[]]);
  expect(sockets()).toEqual([path.basename(control.path)]);
  expect(statSync(control.path).mode & 0o777).toBe(0o600);
  control.close();
  expect(readdirSync(directory)).toEqual([]);
});
