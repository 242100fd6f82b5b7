import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { attempt } from '../../support/attempt.js';

/** A file of a proxy, which is replaced as a whole. */
export class WatchedFile {
  readonly file: string;

  constructor(file: string) {
    this.file = file;
  }

  get text(): string | undefined {
    return attempt(() => readFileSync(this.file, 'utf8'), undefined);
  }

  /** A proxy that reloads meanwhile reads the old or the new text, never a part. */
  write(text: string): void {
    const directory = path.dirname(this.file);
    const temporary = path.join(directory, `.${path.basename(this.file)}-${process.pid}`);
    mkdirSync(directory, { recursive: true });
    writeFileSync(temporary, text);
    renameSync(temporary, this.file);
  }

  /**
   * Writes the text and runs the command, which makes the proxy read it. A text that the command refuses is replaced by
   * the one before. Returns why.
   */
  async replace(text: string, command: string): Promise<string | undefined> {
    const before = this.text;
    this.write(text);
    const child = spawn('sh', ['-c', command], { stdio: ['ignore', 2, 2] });
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    if (code === 0) return undefined;
    if (before === undefined) rmSync(this.file, { force: true });
    else this.write(before);
    return `\`${command}\` ended with ${signal ?? `exit code ${code}`}: the file is what it was before`;
  }
}

/** The upstreams in a file of the target `nginx` or `haproxy`. */
export function upstreamsIn(text: string): string[] {
  return [...text.matchAll(/^\s*server (?:\S+_\d+ )?(\S+:\d+)(?= max_fails|;| cookie |$)/gm)].map(
    ([, address]) => address as string,
  );
}
