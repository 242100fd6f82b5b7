import { type HaproxyOptions, haproxyOptions } from '../../src/deploy/haproxy/haproxy-options.js';
import { haproxy } from '../../src/deploy/targets/haproxy.js';
import { differentFacts, factsOf } from '../helpers/deployment.js';
import { generated } from '../helpers/generated.js';

const textOf = (facts = {}, options: HaproxyOptions = {}) =>
  generated('haproxy', factsOf(facts), options)[0]?.text as string;
const adviceOf = (facts = {}, options: HaproxyOptions = {}) =>
  haproxy.advice(factsOf(facts), options).join('\n');

/** What would end a word or a line, or begin a sample. */
const endings = ['\n', '\r', '\0', ' ', '\t', '#', '"', "'", '\\', '%[src]', '$HOME', '{', '}', '\u2028'];

describe('haproxy', () => {
  it('writes the same text for the same facts, with an end of line and nothing undefined', () => {
    for (const facts of differentFacts) {
      const text = textOf(facts, { certificate: '/etc/shop.pem', affinity: 'cookie' });
      expect(text).toBe(textOf(facts, { certificate: '/etc/shop.pem', affinity: 'cookie' }));
      expect(text).not.toMatch(/undefined|\[object|NaN|[^\S\n]\n/);
      expect(text.endsWith('\n')).toBe(true);
    }
  });

  it.each(endings)('no option and no fact contains %j', (ending) => {
    const options: Record<string, unknown> = {
      upstreams: [`a${ending}b:80`],
      timeoutSeconds: `1${ending}`,
      listen: `127.0.0.1:80${ending}`,
      certificate: `/a${ending}b`,
      affinity: `ip${ending}`,
      maxBodyBytes: `1${ending}`,
      statsSocket: `/run/a${ending}`,
      checkMs: `100${ending}`,
      spareServers: `1${ending}`,
      trustForwarded: ending,
      exposeHealth: ending,
    };
    expect(Object.keys(options).sort()).toEqual(Object.keys(haproxyOptions).sort());
    for (const [name, value] of Object.entries(options)) {
      expect(() => textOf({}, { [name]: value } as HaproxyOptions)).toThrow(`\`${name}\``);
    }
    const path = `/a${ending}b`;
    const facts: Record<string, unknown> = {
      port: `80${ending}`,
      health: { liveness: '/livez', readiness: path, startup: '/s' },
      webSocketPaths: [path],
      eventStreamPaths: [path],
      bodyLimitBytes: `1${ending}`,
      responseTimeoutMs: `1${ending}`,
      keepAliveTimeoutMs: `1${ending}`,
    };
    for (const [name, value] of Object.entries(facts)) {
      expect(() => textOf({ [name]: value })).toThrow(`\`${name}\``);
    }
    expect(() => textOf({ name: `shop${ending}` })).toThrow('`name`');
  });

  it('sends no request again that may have run, unless its method is idempotent', () => {
    const text = textOf();
    expect(text).toContain('http-request disable-l7-retry if !{ method GET HEAD OPTIONS }');
    expect(text).not.toMatch(/retry-on .*(all-retryable|0rtt|50\d)/);
  });

  it('states how long an instance must accept requests until a check notices that it stops', () => {
    expect(adviceOf({ shutdownDelayMs: 0 })).toContain('gracefulShutdown: { delayMs: 3000 }');
    expect(adviceOf({ shutdownDelayMs: 0 }, { checkMs: 5000 })).toContain('{ delayMs: 15000 }');
    expect(adviceOf({ shutdownDelayMs: 2000 })).not.toContain('gracefulShutdown');
    expect(adviceOf({ health: null })).toContain('healthChecks');
  });

  it('states the trusted hops, TLS and the number of instances', () => {
    expect(adviceOf({ trustProxy: 0 })).toContain("app.set('trust proxy', 1)");
    expect(adviceOf({ trustProxy: 1 })).not.toContain('trust proxy');
    expect(adviceOf()).toMatch(/--certificate[\s\S]*--upstreams/);
    const complete = { certificate: '/a.pem', upstreams: ['a:1', 'b:1'] };
    expect(adviceOf({ shutdownDelayMs: 3000 }, complete)).toBe('');
  });

  it('compresses and reuses connections where the app allows it', () => {
    expect(textOf({ compression: true })).not.toContain('compression algo');
    expect(textOf({ compression: false })).toContain('compression algo gzip');
    expect(textOf({ keepAliveTimeoutMs: 5000 })).toContain('http-reuse never');
    expect(textOf({ keepAliveTimeoutMs: 65_000 })).toContain('http-reuse safe');
  });
});
