import { targets } from '../../src/deploy/targets/index.js';
import { nginx } from '../../src/deploy/targets/nginx.js';
import type { Target } from '../../src/deploy/targets/target.js';
import { compareVersions, featureVersions, hasFeature, programs } from '../../src/deploy/versions.js';
import { factsOf } from '../helpers/deployment.js';
import { generated } from '../helpers/generated.js';

const tls = { certificate: '/a', certificateKey: '/b' };
const textOf = (facts: object, nginxVersion: string) =>
  generated('nginx', factsOf(facts), { ...tls, nginxVersion })[0]?.text as string;

/** For each feature, what its version has and the one before it has not. */
const nginxRows = [
  ['http2Directive', '1.25.0', {}, /^ {4}http2 on;$/m],
  ['keepaliveMinTimeout', '1.27.3', {}, /^ {4}keepalive_min_timeout 5s;$/m],
  ['keepaliveByDefault', '1.29.6', { keepAliveTimeoutMs: 5000 }, /^ {4}keepalive 0;$/m],
] as const;

it('each feature of nginx has a row here', () => {
  const { oldest, ...features } = featureVersions.nginx;
  expect(['resolve', ...nginxRows.map(([feature]) => feature)]).toEqual(
    expect.arrayContaining(Object.keys(features)),
  );
  expect(textOf({}, oldest)).toBe(nginx.generate(factsOf(), tls)[0]?.text);
});

it('a resolver needs a version that has it', () => {
  const written = (nginxVersion: string) =>
    generated('nginx', factsOf(), { nginxVersion, resolver: '127.0.0.11' })[0]?.text as string;
  expect(written(featureVersions.nginx.resolve)).toMatch(
    / max_fails=0 resolve;\n.*\n {4}zone shop 64k;\n {4}resolver 127\.0\.0\.11 valid=2s ipv6=off;\n/,
  );
  expect(() => written('1.27.2')).toThrow('`resolver` needs nginx 1.27.3 or later');
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

/** Facts and options with which the files use all features. */
const everything = {
  nginx: [{}, { ...tls, cache: true, affinity: 'ip' }],
  haproxy: [{ eventStreamPaths: ['/events'] }, { certificate: '/a', affinity: 'cookie' }],
  systemd: [{ workers: 2 }, { directory: '/srv/shop' }],
  dockerfile: [{}, {}],
  kubernetes: [{}, { image: 'shop:1' }],
} as const satisfies Record<keyof typeof programs, unknown>;

/** The place in the files where each feature is used. */
const uses: { [Name in keyof typeof programs]: Record<keyof (typeof programs)[Name]['uses'], RegExp> } = {
  nginx: {
    'keepalive_timeout of an upstream': /^ {4}keepalive 32;\n.*\n {4}keepalive_timeout 60s;$/m,
    'TLS 1.3': /ssl_protocols .*TLSv1\.3;/,
    proxy_cache_background_update: /proxy_cache_background_update on;/,
    use_temp_path: /proxy_cache_path .* use_temp_path=off;/,
    proxy_cache_lock_age: /proxy_cache_lock_age 5s;/,
    proxy_next_upstream_timeout: /proxy_next_upstream_timeout 10s;/,
    'hash consistent': /hash \S+ consistent;/,
    proxy_cache_revalidate: /proxy_cache_revalidate on;/,
  },
  haproxy: {
    'set-timeout': /http-request set-timeout server 1h/,
    'http-error': /http-error status 503/,
    'http-request return': /http-request return status 404/,
    'http-check send': /http-check send meth GET/,
    'attributes of a cookie': /cookie \S+ insert .* attr SameSite=Lax/,
    'retry-on': /retry-on conn-failure/,
    'disable-l7-retry': /http-request disable-l7-retry/,
    'ssl-min-ver': /ssl-min-ver TLSv1\.2/,
  },
  systemd: {
    ProtectProc: /^ProtectProc=/m,
    OOMPolicy: /^OOMPolicy=/m,
    RestrictSUIDSGID: /^RestrictSUIDSGID=/m,
    WatchdogSignal: /^WatchdogSignal=/m,
    LogRateLimitIntervalSec: /^LogRateLimitIntervalSec=/m,
    LogsDirectory: /^LogsDirectory=/m,
  },
  dockerfile: {
    'stages with names': /^FROM \S+ AS \S+$/m,
    'start period of a health check': /^HEALTHCHECK .*--start-period=/m,
  },
  kubernetes: {
    unhealthyPodEvictionPolicy: /unhealthyPodEvictionPolicy: /,
    'autoscaling/v2': /apiVersion: "?autoscaling\/v2/,
    'policy/v1': /apiVersion: "?policy\/v1/,
    startupProbe: /startupProbe:/,
    seccompProfile: /seccompProfile:/,
  },
};
const rows = Object.entries(uses).flatMap(([name, features]) =>
  Object.entries(features).map(([feature, pattern]): [keyof typeof programs, string, RegExp] => [
    name as keyof typeof programs,
    feature,
    pattern,
  ]),
);

it.each(rows)('the oldest version of %s has %s, which the file uses', (name, feature, pattern) => {
  const [facts, options] = everything[name];
  const target: Target = targets[name];
  const text = target
    .generate(factsOf(facts), options)
    .map((file) => file.text)
    .join('\n');
  expect(text).toMatch(pattern);
  const { oldest, uses: known } = programs[name];
  expect(compareVersions((known as Record<string, string>)[feature] as string, oldest)).toBeLessThanOrEqual(
    0,
  );
  expect(target.since).toBe(`${programs[name].name} ${oldest}`);
});
