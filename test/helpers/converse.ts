import { once } from 'node:events';
import net from 'node:net';

/** What a client does on its connection, in turn: it sends text, waits for some, or ends its half. */
export type Step = string | RegExp | 'FIN';

/** Holds a conversation over one connection, and returns all that came back until the server closed it. */
export async function converse(port: number, steps: readonly Step[]): Promise<string> {
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  let received = '';
  socket.setEncoding('latin1').on('data', (text) => {
    received += text;
  });
  // a reset is an end too: what counts is what came before it
  const closed = new Promise<void>((resolve) => {
    socket.on('error', () => {}).on('close', () => resolve());
  });
  await once(socket, 'connect');
  for (const step of steps) {
    if (step === 'FIN') socket.end();
    else if (typeof step === 'string') socket.write(step, 'latin1');
    else while (!step.test(received) && !socket.closed) await Promise.race([once(socket, 'data'), closed]);
  }
  socket.once('end', () => socket.end());
  await closed;
  return received;
}

const meant = ['date', 'x-request-id', 'x-powered-by', 'keep-alive', 'vary', 'cache-control'];

/** Answers without the headers that productionize means to change. */
export function comparable(answers: string): string {
  return answers.replace(/^([\w-]+): .*\r\n/gm, (line, name) =>
    meant.includes(name.toLowerCase()) ? '' : line,
  );
}
