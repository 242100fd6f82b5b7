import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { attempt } from '../../support/attempt.js';
import { withTimeLimit } from '../../support/time-limit.js';
import { CannotProve } from './cannot-prove.js';
import type { ProvableProxy } from './provable-proxies.js';

const startMs = 15_000;
const stopMs = 5000;
const pollMs = 20;

/** The real proxy with the generated file, in the foreground. */
export class ProxyDaemon {
  readonly #child: ReturnType<typeof spawn>;
  readonly #exit: Promise<unknown>;
  readonly #output: string[] = [];
  #error: NodeJS.ErrnoException | undefined;

  private constructor(command: string, args: readonly string[], directory: string) {
    this.#child = spawn(command, args, { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] });
    process.once('exit', this.#kill);
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (text) => {
        this.#output.push(String(text));
        if (this.#output.length > 200) this.#output.shift();
      });
    }
    this.#exit = new Promise((resolve) => {
      this.#child.once('exit', resolve);
      this.#child.once('error', (error) => {
        this.#error = error;
        resolve(error);
      });
    });
  }

  /**
   * Starts the proxy and waits until it accepts connections.
   *
   * @throws CannotProve when it is not installed, or refuses the file.
   */
  static async start(
    { command, package: name }: ProvableProxy,
    args: readonly string[],
    { directory, port }: { directory: string; port: number },
    signal: AbortSignal,
  ): Promise<ProxyDaemon> {
    const daemon = new ProxyDaemon(command, args, directory);
    const until = performance.now() + startMs;
    while (!daemon.#hasEnded && performance.now() < until && !signal.aborted) {
      if (await isOpen(port)) return daemon;
      await delay(pollMs);
    }
    const { code } = daemon.#error ?? {};
    await daemon.stop();
    if (code === 'ENOENT') {
      throw new CannotProve(
        `${command} is not installed: install the package ${name} (apt-get install ${name}), or add its directory to PATH.`,
      );
    }
    throw new CannotProve(`${command} does not start. Its output:\n\n${daemon.#output.join('')}`);
  }

  async stop(): Promise<void> {
    if (!this.#hasEnded) {
      this.#child.kill('SIGTERM');
      await withTimeLimit(this.#exit, stopMs, () => {});
    }
    this.#kill();
    process.off('exit', this.#kill);
  }

  /** Writes what the proxy has printed beside its other logs. */
  log(directory: string): void {
    writeFileSync(path.join(directory, 'proxy.log'), this.#output.join(''));
  }

  get #hasEnded(): boolean {
    return this.#error !== undefined || this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  readonly #kill = (): void => {
    attempt(() => this.#child.kill('SIGKILL'), false);
  };
}

async function isOpen(port: number): Promise<boolean> {
  const socket = net.connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
