import { nginx } from '../../src/deploy/targets/nginx.js';
import { featureVersions, hasFeature } from '../../src/deploy/versions.js';
import { factsOf } from '../helpers/deployment.js';

const tls = { certificate: '/a', certificateKey: '/b' };
const textOf = (facts: object, nginxVersion: string) =>
  nginx.generate(factsOf(facts), { ...tls, nginxVersion })[0]?.text as string;

/** For each feature, what its version has and the one before it has not. */
const nginxRows = [
  ['http2Directive', '1.25.0', {}, /^ {4}http2 on;$/m],
  ['keepaliveByDefault', '1.29.6', { keepAliveTimeoutMs: 5000 }, /^ {4}keepalive 0;$/m],
] as const;

it('each feature of nginx has a row here', () => {
  const { oldest, ...features } = featureVersions.nginx;
  expect(nginxRows.map(([feature]) => feature)).toEqual(Object.keys(features));
  expect(textOf({}, oldest)).toBe(nginx.generate(factsOf(), tls)[0]?.text);
});

it.each(nginxRows)('%s of nginx: %s does not have it', (feature, before, facts, pattern) => {
  const first = featureVersions.nginx[feature];
  expect(textOf(facts, first)).toMatch(pattern);
  expect(textOf(facts, before)).not.toMatch(pattern);
  expect(textOf(facts, '2.0')).toMatch(pattern);
  expect(hasFeature('nginx', before, feature)).toBe(false);
});

it('before http2 on, HTTP/2 is a parameter of listen', () => {
  expect(textOf({}, '1.25.0')).toContain('listen 443 ssl http2;');
  expect(textOf({}, '1.25.1')).toContain('listen 443 ssl;');
});

it.each(['1.17', '1', '1.22.1.1', 'latest', '', '1.22; evil'])('%j is no version of nginx', (version) => {
  expect(() => textOf({}, version)).toThrow('`nginxVersion`');
});
