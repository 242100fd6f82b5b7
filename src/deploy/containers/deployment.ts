import type { DeploymentFacts } from '../deployment-facts.js';
import { memoryMebibytes, objectName, seconds } from './container-options.js';
import type { KubernetesOptions } from './kubernetes-options.js';
import type { YamlMap } from './yaml.js';

/** The labels by which the other objects find the pods. They can never change, so they contain no other label. */
export function selectorOf(facts: DeploymentFacts): YamlMap {
  return { 'app.kubernetes.io/name': objectName(facts) };
}

/** Milliseconds in which the app accepts requests after SIGTERM by default, where it finds Kubernetes. */
const delayMs = 5000;
/** Seconds in which a shutdown ends where the app has no time limit of its own and finds Kubernetes. */
const usualGraceSeconds = 30;

/** The Deployment, without its metadata. */
export function deploymentSpec(facts: DeploymentFacts, checked: KubernetesOptions): YamlMap {
  const { labels = {}, preStopSeconds = 0 } = checked;
  const startup = Math.max(30, seconds(facts.startupMs) + 5);
  const grace = Math.max(usualGraceSeconds, seconds(facts.shutdownMs + delayMs) + 1) + preStopSeconds;
  const selector = selectorOf(facts);
  return {
    '# no `replicas`: each apply would reset what the autoscaler has set': true,
    '# a pod stops when its successor is ready': true,
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
    progressDeadlineSeconds: Math.max(600, 2 * startup),
    selector: { matchLabels: selector },
    template: {
      metadata: { labels: { ...selector, ...labels } },
      spec: {
        '# the app calls no API of the cluster': true,
        automountServiceAccountToken: false,
        '# variables of other services, such as REDIS_PORT=tcp://…, would replace settings of the app': true,
        enableServiceLinks: false,
        '# longer than the drain and the delay before it; SIGKILL follows': true,
        terminationGracePeriodSeconds: grace,
        securityContext: {
          runAsNonRoot: true,
          '# the user `node` of the image; by a name, it could not be checked': true,
          runAsUser: 1000,
          runAsGroup: 1000,
          seccompProfile: { type: 'RuntimeDefault' },
        },
        topologySpreadConstraints: ['kubernetes.io/hostname', 'topology.kubernetes.io/zone'].map((key) => ({
          maxSkew: 1,
          topologyKey: key,
          whenUnsatisfiable: 'ScheduleAnyway',
          labelSelector: { matchLabels: selector },
        })),
        containers: [containerOf(facts, checked, startup)],
        volumes: [{ name: 'tmp', emptyDir: { sizeLimit: '64Mi' } }],
      },
    },
  };
}

function containerOf(facts: DeploymentFacts, checked: KubernetesOptions, startupSeconds: number): YamlMap {
  const { port, readsPort } = facts;
  const { image = `${objectName(facts)}:latest`, cpu = 500, preStopSeconds = 0 } = checked;
  const memory = `${memoryMebibytes(facts)}Mi`;
  return {
    name: objectName(facts),
    image,
    ports: [{ name: 'http', containerPort: port }],
    env: [
      { name: 'NODE_ENV', value: 'production' },
      ...(readsPort ? [{ name: 'PORT', value: String(port) }] : []),
    ],
    ...probesOf(facts, startupSeconds),
    ...(preStopSeconds > 0 && {
      lifecycle: { preStop: { exec: { command: ['sleep', String(preStopSeconds)] } } },
    }),
    resources: {
      requests: { cpu: `${cpu}m`, memory },
      '# memory is all reserved, so no other pod can take it; CPU has no limit, since a limit delays responses': true,
      limits: { memory },
    },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }],
  };
}

function probesOf({ health }: DeploymentFacts, startupSeconds: number): YamlMap {
  if (health === null) {
    return {
      '# the app has no health checks: an open port is all that can be probed': true,
      startupProbe: { tcpSocket: { port: 'http' }, periodSeconds: 1, failureThreshold: startupSeconds },
      readinessProbe: { tcpSocket: { port: 'http' }, periodSeconds: 2, failureThreshold: 2 },
    };
  }
  const get = (path: string): YamlMap => ({ httpGet: { path, port: 'http' } });
  return {
    '# the other probes start when this one has succeeded': true,
    startupProbe: {
      ...get(health.startup),
      periodSeconds: 1,
      timeoutSeconds: 2,
      failureThreshold: startupSeconds,
    },
    '# a failure restarts the container, so it has time: this path depends on no database': true,
    livenessProbe: { ...get(health.liveness), periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 },
    readinessProbe: { ...get(health.readiness), periodSeconds: 2, timeoutSeconds: 2, failureThreshold: 2 },
  };
}
