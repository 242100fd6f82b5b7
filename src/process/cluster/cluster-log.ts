import type { ClusterWorker, Death } from './cluster-worker.js';

export function fieldsOf({ id, pid }: ClusterWorker): Record<string, unknown> {
  return { worker: id, workerPid: pid };
}

export function fieldsOfDeath({
  code,
  signal,
  uptimeMs,
  route,
  killed,
  error,
}: Death): Record<string, unknown> {
  return {
    code,
    signal,
    uptimeMs,
    ...(route && { route }),
    ...(killed && { killed }),
    ...(error && { error }),
  };
}

export function causeOf({ code, signal, killed, listened }: Death): string {
  if (killed) return `killed: ${killed}`;
  if (signal) return `signal ${signal}`;
  if (code === 0 && !listened) return 'it exited with code 0 before it started a server';
  return code === null ? 'the process could not be started' : `exit code ${code}`;
}

/** The cause of a death with its last error, for the message of a failed start or reload. */
export function lastErrorOf(death: Death): string {
  return death.error ? `${causeOf(death)}; its last error: ${death.error.split('\n', 1)[0]}` : causeOf(death);
}

export function plural(workers: number): string {
  return `${workers} worker${workers === 1 ? '' : 's'}`;
}
