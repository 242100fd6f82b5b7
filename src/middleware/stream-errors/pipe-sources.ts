import { Readable } from 'node:stream';
import { attachShared } from '../../support/attachment.js';
import { processWide } from '../../support/process-wide.js';
import { pipeSourcesKey } from '../../support/symbols.js';

type Pipe = typeof Readable.prototype.pipe;

interface Recorder {
  /** The stream that was piped last into a stream. */
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
 * Makes `Readable.prototype.pipe` remember what was piped into what, so that in
 * `fs.createReadStream(file).pipe(gzip).pipe(res)` the file stream can be guarded when `gzip` reaches the response.
 * A destination does not tell its sources, and an error of one without a listener ends the process.
 *
 * It is the one prototype this library patches in Node: once, whatever the number of apps or copies of the package.
 * Returns its undo.
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
    // another library may have patched over this one: then it stays, and records nothing
    if (prototype.pipe !== recording) return;
    prototype.pipe = original;
    recorder.unpatch = undefined;
  };
}

/** The stream that is piped into this one, as far as it was recorded. */
export function pipeSourceOf(stream: object): Readable | undefined {
  return recorder.sources.get(stream);
}
