// The folder that all static servers of the bench serve: one script with its precompressed siblings, one picture.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, gzipSync } from 'node:zlib';

export const site = fileURLToPath(new URL('../../.tmp/bench-site', import.meta.url));

const line = (i) =>
  `export const handler${i} = (request, answer) => answer.send(request.params.id + ${i * 7919});\n`;
const script = Array.from({ length: 60 }, (_, i) => line(i)).join('');

/** Writes the folder; returns where it is. */
export function makeSite() {
  mkdirSync(site, { recursive: true });
  // in one order: a sibling older than its original would not be sent
  for (const [name, content] of [
    ['picture.png', Buffer.from(script)],
    ['app.js', script],
    ['app.js.gz', gzipSync(script, { level: 9 })],
    ['app.js.br', brotliCompressSync(script)],
  ]) {
    writeFileSync(path.join(site, name), content);
  }
  return site;
}
