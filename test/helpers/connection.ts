import { once } from 'node:events';
import net from 'node:net';

/** One connection of a client that sends requests as text and reads answers as they come. */
export class Connection {
  readonly #socket: net.Socket;
  #received = '';
  /** The connection ended: by a reset, or in good order. */
  readonly ended: Promise<'end' | 'reset'>;
  isEnded = false;

  private constructor(socket: net.Socket) {
    this.#socket = socket;
    let reset = false;
    socket.setEncoding('latin1').on('data', (text) => {
      this.#received += text;
    });
    socket.on('error', () => {
      reset = true;
    });
    this.ended = new Promise((resolve) => {
      socket.on('close', () => {
        this.isEnded = true;
        resolve(reset ? 'reset' : 'end');
      });
    });
  }

  static async open(port: number): Promise<Connection> {
    const socket = net.connect({ port, host: '127.0.0.1' });
    const connection = new Connection(socket);
    await once(socket, 'connect');
    return connection;
  }

  /** Sends bytes as latin1, as they are read. Resolves when the kernel has them. */
  send(text: string): Promise<void> {
    return new Promise((resolve) => void this.#socket.write(text, 'latin1', () => resolve()));
  }

  request(path: string, head = ''): Promise<void> {
    return this.send(`GET ${path} HTTP/1.1\r\nHost: app.test\r\n${head}\r\n`);
  }

  /** The next answer of a known length, or what came when the connection ended before. */
  async answer(): Promise<string> {
    for (;;) {
      const head = this.#received.indexOf('\r\n\r\n');
      if (head !== -1) {
        const length = Number(/^content-length: *(\d+)/im.exec(this.#received.slice(0, head))?.[1] ?? 0);
        const end = head + 4 + length;
        if (this.#received.length >= end) {
          const answer = this.#received.slice(0, end);
          this.#received = this.#received.slice(end);
          return answer;
        }
      }
      if (this.isEnded) return this.#received;
      await Promise.race([once(this.#socket, 'data').catch(() => {}), this.ended]);
    }
  }

  /** All that comes until the connection ends. */
  async rest(): Promise<string> {
    await this.ended;
    return this.#received;
  }

  /** What came so far matches. */
  async has(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.#received) && !this.isEnded) {
      await Promise.race([once(this.#socket, 'data').catch(() => {}), this.ended]);
    }
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
