import { closeSync, fstatSync, ftruncateSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { attempt } from '../support/attempt.js';

const mostBytes = 32 * 2 ** 20;
const checkMs = 200;
const lastBytes = 8192;

/**
 * The output of an examined app. It goes to a file, as under most supervisors, so that console calls block as they do
 * there. A file that grows without end is emptied.
 */
export class OutputFile {
  readonly fd: number;
  readonly #directory = mkdtempSync(path.join(os.tmpdir(), 'doctor-'));
  readonly #timer: NodeJS.Timeout;
  #isClosed = false;

  constructor() {
    this.fd = openSync(path.join(this.#directory, 'output'), 'a+');
    // where an open file can be removed, nothing remains if this process is killed
    this.#remove();
    this.#timer = setInterval(() => {
      if (fstatSync(this.fd).size > mostBytes) ftruncateSync(this.fd);
    }, checkMs).unref();
  }

  /** The last lines so far; none after `close`. */
  end(): string {
    if (this.#isClosed) return '';
    const { size } = fstatSync(this.fd);
    const buffer = Buffer.alloc(Math.min(size, lastBytes));
    readSync(this.fd, buffer, 0, buffer.length, size - buffer.length);
    return buffer.toString('utf8').trim();
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    closeSync(this.fd);
    this.#remove();
  }

  #remove(): void {
    attempt(() => rmSync(this.#directory, { recursive: true, force: true }), undefined);
  }
}
