import { ProductionizeError } from '../../support/errors.js';
import { AppProcess, type StartedApp } from './app-process.js';
import { isProbeMessage, type Probe, probeVariable, unchangedVariable } from './probe-protocol.js';

export interface ProbedApp extends StartedApp {
  readonly timeoutMs: number;
  /** Whether the app is productionized when it serves, as `express-productionize start` does it. */
  readonly productionized: boolean;
}

export function factsError(message: string): ProductionizeError {
  return new ProductionizeError('ERR_PRODUCTIONIZE_FACTS', message);
}

/**
 * Starts an app until it listens, reads what it shows, and kills it with all its children. It listens on a free port of
 * 127.0.0.1, whatever it requests, and receives no request.
 *
 * @throws ProductionizeError when it ends or does not listen in time, with its last output.
 */
export async function probeApp(app: ProbedApp): Promise<Probe> {
  const started = new AppProcess(app, 'app-probe.js', {
    [probeVariable]: String(process.pid),
    ...(!app.productionized && { [unchangedVariable]: '1' }),
  });
  try {
    return await started.first(
      (message) => (isProbeMessage(message) ? message.probe : undefined),
      app.timeoutMs,
    );
  } finally {
    started.kill();
  }
}
