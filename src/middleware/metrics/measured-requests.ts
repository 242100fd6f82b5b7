import type { IncomingMessage, ServerResponse } from 'node:http';
import { contextOf, type InternalRequestContext } from '../../support/context/context.js';
import { onceClosed } from '../../support/pipelined-responses.js';
import { watchSending } from '../../support/response-state.js';
import { measuredKey } from '../../support/symbols.js';
import { recorder } from './collect.js';
import { methodIndex } from './http-methods.js';

interface Begun {
  readonly startedAt: number;
  readonly method: string;
}

type Measured = ServerResponse & { [measuredKey]?: Begun };

/** Measures one request until its response closes. A request that is measured already is not counted again. */
export function measure(req: IncomingMessage, res: ServerResponse, openTelemetry: boolean): void {
  const context = contextOf(req);
  if (context?.measure !== undefined || (res as Measured)[measuredKey] !== undefined) return;
  if (!openTelemetry) recorder.ignoreOpenTelemetry(req);
  // the pipeline of a productionized app listens for the end of a response already
  if (context?.onClose !== undefined) {
    context.measure = onContextClose;
    recorder.begin(req, res, context.method);
    return;
  }
  const method = context?.method ?? req.method ?? '';
  (res as Measured)[measuredKey] = { startedAt: context?.startedAt ?? performance.now(), method };
  if (context === undefined) watchSending(res);
  // the response to an accepted WebSocket is never written
  if ((req as { upgrade?: boolean }).upgrade) onceClosed(res, onUpgradeClose);
  else {
    recorder.begin(req, res, method);
    onceClosed(res, onClose);
  }
}

// all requests share these listeners
function onContextClose({ req, res, method, startedAt }: InternalRequestContext): void {
  recorder.end(req, res, method, startedAt);
}

function onClose(this: Measured): void {
  const { startedAt, method } = this[measuredKey] as Begun;
  recorder.end(this.req, this, method, startedAt);
}

function onUpgradeClose(this: Measured): void {
  if (!this.headersSent) return;
  const { startedAt, method } = this[measuredKey] as Begun;
  recorder.record(this.req, this, methodIndex(method), (performance.now() - startedAt) / 1000);
}
