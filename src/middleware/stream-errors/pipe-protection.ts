import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { processWide } from '../../support/process-wide.js';
import { onPipeKey } from '../../support/symbols.js';
import { ResponseSources } from './response-sources.js';

const onPipe = processWide(
  onPipeKey,
  () =>
    function onPipe(this: ServerResponse, source: Readable): void {
      ResponseSources.of(this).add(source, this, false);
    },
);

/**
 * Guards every `source.pipe(res)` on a response as `bindStreamErrors` does, with one listener that all responses share.
 * `stream.pipeline()`, `res.sendFile()` and handlers that listen for errors themselves handle an error first.
 */
export function protectPipes(res: ServerResponse): void {
  if (res.listenerCount('pipe', onPipe) === 0) res.on('pipe', onPipe);
}
