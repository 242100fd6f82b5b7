import cluster, { type Worker } from 'node:cluster';
import { syncBuiltinESMExports } from 'node:module';
import process from 'node:process';
import type { AnyFunction } from '../../support/express-layers.js';
import { wrapMethod } from '../../support/replace-method.js';
import { type DoctorMessage, doctorMessage, doctorVariable, isDoctorMessage } from './doctor-protocol.js';

/**
 * Lets the doctor examine one worker of an app that forks workers itself: the first that listens. Returns a function that
 * passes a query on to this worker, and returns whether there is one.
 */
export function relayWorker(mode: string): (query: DoctorMessage) => boolean {
  let relayed: Worker | undefined;
  wrapMethod(cluster, 'fork', (original: AnyFunction): AnyFunction => {
    return function fork(this: unknown, env) {
      return original.call(this, { ...Object(env), [doctorVariable]: mode });
    };
  });
  syncBuiltinESMExports();
  cluster.on('message', (worker, message) => {
    if (!isDoctorMessage(message)) return;
    if (message.kind === 'listening') relayed ??= worker;
    if (worker === relayed) process.send?.(message);
  });
  cluster.on('exit', (worker) => {
    if (worker === relayed) process.send?.(doctorMessage({ kind: 'worker ended' }));
  });
  return (query) => {
    if (relayed?.isConnected()) relayed.send(query);
    return relayed !== undefined;
  };
}
