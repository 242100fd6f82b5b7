import { Readable } from 'node:stream';
import { attachShared } from '../../support/attachment.js';
import { processWide } from '../../support/process-wide.js';
import { pipeSourcesKey } from '../../support/symbols.js';

type Pipe = typeof Readable.prototype.pipe;

interface Recorder {
  /** The stream that was piped last into each stream. */
  readonly sources: WeakMap<object, Readable>;
  recording: boolean;
  unpatch: (() => void) | undefined;
}

const recorder = processWide<Recorder>(pipeSourcesKey, () => ({
  sources: new WeakMap(),
  recording: false,
  unpatch: undefined,
}));

/**
 * Makes `Readable.prototype.pipe` record the source of each destination. In
 * `fs.createReadStream(file).pipe(gzip).pipe(res)`, the file stream can then be guarded when `gzip` is piped into the
 * response. A destination does not expose its sources, and an error of a source without a listener ends the process.
 *
 * This is the only prototype of Node that this library patches. It does so once, whatever the number of apps or copies
 * of the package. Returns its undo.
 */
export function recordPipeSources(): () => void {
  return attachShared(recorder, 'attached', () => {
    recorder.recording = true;
    recorder.unpatch ??= patchPipe();
    return () => {
      recorder.recording = false;
      recorder.unpatch?.();
    };
  });
}

function patchPipe(): () => void {
  const prototype = Readable.prototype;
  const original = prototype.pipe;
  const recording = function pipe(this: Readable, sink: NodeJS.WritableStream, options?: { end?: boolean }) {
    const destination = original.call(this, sink, options);
    if (recorder.recording) recorder.sources.set(sink, this);
    return destination;
  } as Pipe;
  prototype.pipe = recording;
  return () => {
    // if another library has patched this method since, this patch stays and records nothing
    if (prototype.pipe !== recording) return;
    prototype.pipe = original;
    recorder.unpatch = undefined;
  };
}

/** Returns the stream that is piped into this one, if the pipe was recorded. */
export function pipeSourceOf(stream: object): Readable | undefined {
  return recorder.sources.get(stream);
}
