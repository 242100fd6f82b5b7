import type { DeploymentFacts, HealthPaths, StaticDirectory } from '../deployment-facts.js';

/** The variable with the process id of the parent. Its child removes it, so that children of the app do not have it. */
export const probeVariable = 'EXPRESS_PRODUCTIONIZE_PROBE';

/** The variable that leaves the app as it is. Its value is `1`, and children of the app have it, too. */
export const unchangedVariable = 'EXPRESS_PRODUCTIONIZE_PROBE_UNCHANGED';

/** What is read from an app. The directories are absolute. */
export interface AppFacts
  extends Pick<
    DeploymentFacts,
    'responseTimeoutMs' | 'trustProxy' | 'compression' | 'cache' | 'shutdownMs' | 'shutdownDelayMs'
  > {
  readonly health: HealthPaths | null;
  readonly staticDirectories: readonly StaticDirectory[];
}

/** A server that listens, with the address that the app requested. */
export interface ProbedServer
  extends Pick<DeploymentFacts, 'keepAliveTimeoutMs' | 'headersTimeoutMs' | 'requestTimeoutMs'> {
  /** 0 for any free port, `null` for a socket path or an open socket. */
  readonly port: number | null;
  readonly socketPath: string | null;
  readonly webSockets: boolean;
  /** `null` where no Express app is found that serves here. */
  readonly app: AppFacts | null;
}

/** What one start of the app has shown. */
export interface Probe {
  readonly servers: readonly ProbedServer[];
  readonly bodyLimitBytes: number | null;
  readonly sessionCookies: readonly string[];
  readonly nodeMajor: number;
}

const messageType = 'express-productionize:probe';

export interface ProbeMessage {
  readonly type: typeof messageType;
  readonly probe: Probe;
}

export function probeMessage(probe: Probe): ProbeMessage {
  return { type: messageType, probe };
}

export function isProbeMessage(message: unknown): message is ProbeMessage {
  return (Object(message) as Partial<ProbeMessage>).type === messageType;
}
