import type { WorkerMemory } from '../../process/inspect/index.js';

/** What a snapshot costs, for people, and the reason not to take it. */
export interface SnapshotCost {
  readonly text: string;
  readonly problem: string | undefined;
  /** Milliseconds after which the worker is killed. */
  readonly limitMs: number;
}

/**
 * Bytes of memory for each byte of the heap, and seconds of CPU time, measured with records from JSON on Node 20 and 24.
 * Long texts need 1 byte and 30 s, small objects 15 bytes and 190 s.
 */
const memoryFactor = 8;
const secondsPerGigabyte = 140;
/** How many times as long a snapshot may take on a busy machine. */
const patience = 5;
/** Above this share of its limit, V8 may end the process when the snapshot allocates. */
const mostOfHeap = 0.9;

/** Estimates the cost for a worker. Its replacement is as large as the worker after its start, which is not known. */
export function costOf({ heapUsed, heapLimit, available }: WorkerMemory): SnapshotCost {
  const extra = heapUsed * memoryFactor;
  const seconds = Math.max(1, Math.ceil((heapUsed / 2 ** 30) * secondsPerGigabyte));
  const text = `${megabytes(heapUsed)} of heap; its snapshot takes about ${megabytes(extra)} of memory and ${seconds} s, after a new worker is ready`;
  const limitMs = 60_000 + seconds * 1000 * patience;
  if (heapUsed > heapLimit * mostOfHeap) {
    return { text, limitMs, problem: `The heap has almost reached its limit of ${megabytes(heapLimit)}` };
  }
  const spare = available - extra;
  const problem = spare < replacement ? `Only ${megabytes(available)} of memory are left` : undefined;
  return { text, limitMs, problem };
}

/** Bytes for the new worker, which runs beside the old one. */
const replacement = 100 * 2 ** 20;

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MB`;
}
