import { Worker } from 'node:worker_threads';
import { debugFor } from '../../support/debug.js';

/** Options of the thread that responds to the liveness probe while the event loop is blocked. */
export interface LivenessThreadOptions {
  /** The port that the thread listens on; 0 selects any free port. */
  readonly port: number;
  /** The address that the thread listens on. @default all addresses */
  readonly host?: string;
  /** Milliseconds that the event loop may be blocked before liveness responds with 503. @default 10000 */
  readonly stallMs?: number;
}

export interface LivenessThread {
  /** The port that the thread listens on. */
  readonly port: Promise<number>;
  stop(): void;
}

const debug = debugFor('health-checks');
const beatMs = 50;

/** Starts a thread that responds to the liveness probe with the time for which the event loop has been blocked. */
export function startLivenessThread(path: string, options: LivenessThreadOptions): LivenessThread {
  const { port, host, stallMs = 10_000 } = options;
  const beats = new BigInt64Array(new SharedArrayBuffer(8));
  // all threads share the clock of `hrtime`
  const beat = (): void => void Atomics.store(beats, 0, process.hrtime.bigint());
  beat();
  const worker = new Worker(source, {
    eval: true,
    name: 'liveness',
    workerData: { beats, beatMs, path, port, host, stallMs },
    // the thread does not run the preloads and loaders of the app
    execArgv: [],
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: 64 },
  });
  const timer = setInterval(beat, beatMs).unref();
  const listening = new Promise<number>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  listening.catch((error) => debug(() => ['the liveness thread ended: %o', error]));
  worker.unref();
  return {
    port: listening,
    stop() {
      clearInterval(timer);
      void worker.terminate();
    },
  };
}

function serveLiveness(load: NodeJS.Require): void {
  const { parentPort, workerData } = load('node:worker_threads') as typeof import('node:worker_threads');
  const { createServer } = load('node:http') as typeof import('node:http');
  const { beats, beatMs, path, port, host, stallMs } = workerData;
  const server = createServer((req, res) => {
    const url = (req.url ?? '').split('?', 1)[0];
    const known = url === path && (req.method === 'GET' || req.method === 'HEAD');
    const since = Number(process.hrtime.bigint() - Atomics.load(beats, 0)) / 1e6;
    const lagMs = Math.max(0, Math.round(since - beatMs));
    const stalled = lagMs >= stallMs;
    const body = known ? JSON.stringify({ status: stalled ? 'stalled' : 'ok', eventLoopLagMs: lagMs }) : '';
    res.writeHead(known ? (stalled ? 503 : 200) : 404, {
      'Content-Type': 'application/json; charset=utf-8',
      'Content-Length': Buffer.byteLength(body),
      'Cache-Control': 'no-store',
    });
    res.end(req.method === 'HEAD' ? undefined : body);
  });
  server.listen(port, host, () => {
    parentPort?.postMessage((server.address() as import('node:net').AddressInfo).port);
  });
}

const source = `(${serveLiveness.toString()})(require);`;
