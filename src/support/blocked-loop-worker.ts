import type { Debugger, Session } from 'node:inspector';

/** A report of a blocked event loop. */
export interface BlockedLoop {
  /** Milliseconds for which the event loop had been blocked when it was examined. */
  readonly ms: number;
  /**
   * True when native code such as `execSync` or `JSON.parse` was running. The request and the frames, if there are any,
   * were read after that code and are probably not the cause. The findings about synchronous calls name the cause.
   */
  readonly native: boolean;
  /** The request that blocked the event loop. These three fields are missing outside requests. */
  readonly requestId?: string;
  readonly method?: string;
  readonly route?: string;
  /** The stack of the blocked thread, innermost first. */
  readonly frames: readonly string[];
}

export interface WatchData {
  /** Index 0 counts the turns of the event loop. Index 1 is set when a debugger is opened. */
  readonly beats: Int32Array;
  readonly limitMs: number;
  /** Whether a report is printed to stderr. */
  readonly prints: boolean;
  /** The name of the registered symbol under which the main thread stores its request contexts. */
  readonly storageName: string;
}

type Finding = Pick<BlockedLoop, 'native' | 'frames'> & Partial<BlockedLoop>;

/** Runs in a worker thread. The thread receives only the text of this function, so the function imports nothing. */
export function watchBeats(load: NodeJS.Require): void {
  const fs = load('node:fs') as typeof import('node:fs');
  const inspector = load('node:inspector') as typeof import('node:inspector');
  const { fileURLToPath } = load('node:url') as typeof import('node:url');
  const { parentPort, workerData } = load('node:worker_threads') as typeof import('node:worker_threads');
  const { beats, limitMs, prints, storageName } = workerData as WatchData;
  const promptMs = 50;
  const responseMs = 250;
  const readRequest = `(() => {
    const context = globalThis[Symbol.for('${storageName}')]?.getStore();
    return context && { requestId: context.id, method: context.method, route: context.route };
  })()`;

  // Methods, because functions with names are wrapped by bundlers that keep names, in a helper that the thread lacks.
  const watcher = {
    async watch(): Promise<void> {
      // a slow start is not reported
      Atomics.wait(beats, 0, 0);
      for (;;) {
        const last = Atomics.load(beats, 0);
        if (Atomics.wait(beats, 0, last, limitMs) !== 'timed-out') continue;
        if (Atomics.load(beats, 1) === 0) await this.look(last);
        // each block is reported once
        Atomics.wait(beats, 0, last);
      }
    },

    async look(last: number): Promise<void> {
      const start = performance.now();
      const session = new inspector.Session();
      session.connectToMainThread();
      try {
        // the main thread responds immediately while it runs JavaScript, and not at all while native code runs
        const responded = await this.within(responseMs, this.post(session, 'Debugger.disable'));
        const native = performance.now() - start > promptMs;
        const found = responded ? await this.pause(session, last) : undefined;
        const ms = Math.round(performance.now() - start + limitMs);
        if (found || native) this.report({ ms, native, frames: [], ...found });
      } finally {
        // resumes the main thread in any case
        session.disconnect();
      }
    },

    async pause(session: Session, last: number): Promise<Finding | undefined> {
      const urls = new Map<string, string>();
      session.on('Debugger.scriptParsed', ({ params }) => urls.set(params.scriptId, params.url));
      const paused = new Promise<Debugger.PausedEventDataType>((resolve) => {
        session.once('Debugger.paused', ({ params }) => resolve(params));
      });
      await this.post(session, 'Debugger.enable');
      await this.post(session, 'Debugger.pause');
      const { callFrames } = await paused;
      const [top] = callFrames;
      if (top === undefined || Atomics.load(beats, 0) !== last) return undefined;
      if (callFrames.some((frame) => frame.functionName === 'beatOfTheLoop')) return undefined;
      const evaluated = (await this.post(session, 'Debugger.evaluateOnCallFrame', {
        callFrameId: top.callFrameId,
        expression: readRequest,
        returnByValue: true,
        silent: true,
        timeout: responseMs,
      })) as Debugger.EvaluateOnCallFrameReturnType;
      await this.post(session, 'Debugger.resume');
      const frames = callFrames.slice(0, 15).map(({ functionName, location }) => {
        const url = urls.get(location.scriptId) ?? '';
        const file = url.startsWith('file:') ? fileURLToPath(url) : url;
        const column = (location.columnNumber ?? 0) + 1;
        return `${functionName || '(anonymous)'} (${file}:${location.lineNumber + 1}:${column})`;
      });
      return { frames, ...evaluated.result.value };
    },

    post(session: Session, method: string, params?: object): Promise<object | undefined> {
      return new Promise((resolve, reject) => {
        session.post(method, params, (error, result) => (error ? reject(error) : resolve(result)));
      });
    },

    /** Whether a promise settles in time. */
    within(ms: number, promise: Promise<unknown>): Promise<boolean> {
      return new Promise((resolve, reject) => {
        setTimeout(resolve, ms, false);
        promise.then(() => resolve(true), reject);
      });
    },

    report(block: BlockedLoop): void {
      const { ms, native, requestId, method, route, frames } = block;
      const request = method
        ? `${method} ${route ?? '(before a route matched)'}, request ${requestId}`
        : 'no request';
      const paused = frames.length > 0 ? `; paused late, in ${request}` : '';
      const by = native ? `native code, see the findings about synchronous calls${paused}` : request;
      const lines = frames.map((frame) => `\n    at ${frame}`).join('');
      try {
        if (prints) fs.writeSync(2, `Event loop blocked for ${ms} ms so far by ${by}${lines}\n`);
      } catch {
        // stderr is a pipe without a reader; blockedLoops() still returns the report
      }
      parentPort?.postMessage(block);
    },
  };

  // a session does not keep the thread alive
  setInterval(() => {}, 2 ** 30);
  void watcher.watch();
}
