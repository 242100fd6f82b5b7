import { ProductionizeError } from '../../support/errors.js';
import { commonAdvice, objectName } from '../containers/container-options.js';
import { deploymentSpec, selectorOf } from '../containers/deployment.js';
import { type KubernetesOptions, kubernetesOptions } from '../containers/kubernetes-options.js';
import { type YamlMap, yaml } from '../containers/yaml.js';
import type { DeploymentFacts } from '../deployment-facts.js';
import { oldestOf } from '../versions.js';
import type { Target } from './target.js';

export type { KubernetesOptions };

/** The objects of the app in a cluster. */
export const kubernetes: Target<KubernetesOptions> = {
  summary: 'kubernetes.yaml: Deployment, Service, autoscaler, disruption budget, network policy',
  since: oldestOf('kubernetes'),
  options: kubernetesOptions,
  check(_facts, options) {
    const { minReplicas, maxReplicas } = replicasOf(options);
    if (minReplicas <= maxReplicas) return;
    throw new ProductionizeError(
      'ERR_PRODUCTIONIZE_OPTION',
      `kubernetes: expected \`minReplicas\` to be at most \`maxReplicas\` (${maxReplicas}), got ${minReplicas}.`,
    );
  },
  generate(facts, given) {
    const text = objects(facts, given).map(yaml).join('---\n');
    return [{ name: 'kubernetes.yaml', comment: '#', text }];
  },
  advice(facts, given) {
    const { image, hops = 1 } = given;
    const { maxReplicas } = replicasOf(given);
    const { trustProxy, sessionCookies, keepAliveTimeoutMs } = facts;
    const advice = commonAdvice(facts);
    if (image === undefined || !/:\w[^/]*$/.test(image) || image.endsWith(':latest')) {
      advice.push('Pass `image` with a version or a digest: there is no way back from `latest`.');
    }
    if (trustProxy === 'all') {
      advice.push(
        `The app trusts any number of proxies, so clients choose their address: app.set('trust proxy', ${hops}).`,
      );
    } else if (trustProxy !== 'custom' && trustProxy !== hops) {
      advice.push(
        `The app trusts ${trustProxy} proxies, and ${hops} are in front: app.set('trust proxy', ${hops}).`,
      );
    }
    if (keepAliveTimeoutMs > 0 && keepAliveTimeoutMs <= 60_000) {
      advice.push('Ingress controllers use idle connections for 60 s: server.keepAliveTimeout = 65_000.');
    }
    if (sessionCookies.length > 0 && maxReplicas > 1) {
      advice.push(
        'Requests of a session reach several pods: its store must be shared, such as connect-redis.',
      );
    }
    return advice;
  },
};

function replicasOf({ minReplicas = 2, maxReplicas = Math.max(10, minReplicas) }: KubernetesOptions) {
  return { minReplicas, maxReplicas };
}

function objects(facts: DeploymentFacts, options: KubernetesOptions): YamlMap[] {
  const { namespace, labels = {}, ingressNamespace = 'ingress-nginx' } = options;
  const { minReplicas, maxReplicas } = replicasOf(options);
  const name = objectName(facts);
  const selector = selectorOf(facts);
  const object = (apiVersion: string, kind: string, spec: YamlMap): YamlMap => ({
    apiVersion,
    kind,
    metadata: { name, namespace, labels: { ...selector, ...labels } },
    spec,
  });
  return [
    object('apps/v1', 'Deployment', deploymentSpec(facts, options)),
    object('v1', 'Service', { selector, ports: [{ name: 'http', port: 80, targetPort: 'http' }] }),
    object('autoscaling/v2', 'HorizontalPodAutoscaler', {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
      minReplicas,
      maxReplicas,
      metrics: [
        {
          type: 'Resource',
          '# of what is reserved; Node computes on one CPU, so a pod has time until the next one is ready': true,
          resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 70 } },
        },
      ],
      '# load that returns within five minutes finds the pods that it needs': true,
      behavior: { scaleDown: { stabilizationWindowSeconds: 300 } },
    }),
    object('policy/v1', 'PodDisruptionBudget', {
      '# a drained node evicts one pod after the other': true,
      maxUnavailable: 1,
      '# pods that are not ready block no drain of a node': true,
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
      selector: { matchLabels: selector },
    }),
    object('networking.k8s.io/v1', 'NetworkPolicy', {
      podSelector: { matchLabels: selector },
      '# probes of the node always pass; what the app itself may reach depends on the app': true,
      policyTypes: ['Ingress'],
      ingress: [
        {
          from: [
            { podSelector: {} },
            { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': ingressNamespace } } },
          ],
          ports: [{ port: 'http', protocol: 'TCP' }],
        },
      ],
    }),
  ];
}
