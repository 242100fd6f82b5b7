import {
  checkDeploymentFile,
  type DeploymentFacts,
  deploymentFiles,
  type TargetName,
} from '../../../src/deploy/index.js';
import { differentContainers } from '../../helpers/container-facts.js';
import { differentFacts, factsOf } from '../../helpers/deployment.js';

const tls = { certificate: '/etc/tls/cert.pem' };
const upstreams = ['10.0.0.1:8001', '10.0.0.2:8002'];

/** Options of each target, and the hops that the app must trust with them. */
const targets: readonly (readonly [TargetName, object, number])[] = [
  ['nginx', {}, 1],
  [
    'nginx',
    { ...tls, certificateKey: '/etc/tls/key.pem', cache: true, directory: '/srv/shop', upstreams },
    1,
  ],
  ['nginx', { affinity: 'cookie', upstreams, nginxVersion: '1.29.7', exposeHealth: true }, 1],
  ['nginx', { affinity: 'ip', trustForwarded: true, upstreams }, 2],
  ['haproxy', {}, 1],
  ['haproxy', { ...tls, affinity: 'cookie', upstreams }, 1],
  ['haproxy', { trustForwarded: true, affinity: 'ip', exposeHealth: true, upstreams }, 2],
  ['systemd', {}, 1],
  ['systemd', { socket: true, template: true, user: 'shop', environmentFile: '/etc/shop' }, 1],
  ['pm2', {}, 1],
  ['dockerfile', {}, 1],
  ['dockerfile', { image: 'registry.example/node:1', buildImage: 'node:24' }, 1],
  ['compose', {}, 1],
  ['compose', { image: 'registry.example/shop:1', instances: 4, publish: 8000 }, 1],
  ['kubernetes', {}, 1],
  ['kubernetes', { preStopSeconds: 10, minReplicas: 3, namespace: 'shop' }, 1],
];

/** Facts that every target accepts. */
const allFacts: readonly Partial<DeploymentFacts>[] = [...differentFacts, ...differentContainers];

/** What a generator refuses, it does not write. */
function written(target: TargetName, facts: DeploymentFacts, options: object) {
  try {
    return deploymentFiles(target, facts, options, `express-productionize deploy ${target} app.js`).files;
  } catch (error) {
    expect((error as { code?: string }).code).toBe('ERR_PRODUCTIONIZE_OPTION');
    return [];
  }
}

describe.each(targets)('%s with %j', (target, options, trustProxy) => {
  it('agrees with the app whose facts it was written from', () => {
    const checked = allFacts.flatMap((each) => {
      const facts = { ...factsOf(each), trustProxy };
      return written(target, facts, options)
        .filter(({ name }) => name !== '.dockerignore')
        .map(({ name, text }) => {
          expect(checkDeploymentFile({ name, text, facts, options })).toEqual([]);
          return name;
        });
    });
    expect(checked.length).toBeGreaterThan(30);
  });
});
