import { varnish } from '../../src/deploy/targets/varnish.js';
import { type VarnishOptions, varnishOptions } from '../../src/deploy/varnish/varnish-options.js';
import { differentFacts, factsOf } from '../helpers/deployment.js';
import { generated } from '../helpers/generated.js';

const textOf = (facts = {}, options: VarnishOptions = {}) =>
  generated('varnish', factsOf(facts), options)[0]?.text as string;
const adviceOf = (facts = {}, options: VarnishOptions = {}) =>
  varnish.advice(factsOf(facts), options).join('\n');

/** What would end a word, a string or a line. */
const endings = ['\n', '\r', '\0', ' ', '\t', '#', '"', "'", '\\', '{', '}', ';', '\u2028'];

describe('varnish', () => {
  it('writes the same text for the same facts, with an end of line and nothing undefined', () => {
    for (const facts of differentFacts) {
      const text = textOf(facts, { affinity: 'ip', purgeFrom: ['::1'] });
      expect(text).toBe(textOf(facts, { affinity: 'ip', purgeFrom: ['::1'] }));
      expect(text).not.toMatch(/undefined|\[object|NaN|[^\S\n]\n/);
      expect(text.endsWith('\n')).toBe(true);
    }
  });

  it.each(endings)('no option and no fact contains %j', (ending) => {
    const options: Record<string, unknown> = {
      upstreams: [`a${ending}b:80`],
      timeoutSeconds: `1${ending}`,
      affinity: `ip${ending}`,
      maxBodyBytes: `1${ending}`,
      checkMs: `100${ending}`,
      stale: `always${ending}`,
      purgeFrom: [`127.0.0.1${ending}`],
      trustForwarded: ending,
      exposeHealth: ending,
    };
    expect(Object.keys(options).sort()).toEqual(Object.keys(varnishOptions).sort());
    for (const [name, value] of Object.entries(options)) {
      expect(() => textOf({}, { [name]: value } as VarnishOptions)).toThrow(`\`${name}\``);
    }
    const path = `/a${ending}b`;
    const facts: Record<string, unknown> = {
      port: `80${ending}`,
      health: { liveness: '/livez', readiness: path, startup: '/s' },
      webSocketPaths: [path],
      eventStreamPaths: [path],
      sessionCookies: [`sid${ending}`],
      bodyLimitBytes: `1${ending}`,
      responseTimeoutMs: `1${ending}`,
      keepAliveTimeoutMs: `1${ending}`,
    };
    for (const [name, value] of Object.entries(facts)) {
      expect(() => textOf({ [name]: value })).toThrow(`\`${name}\``);
    }
  });

  it('pipes WebSockets only, and nothing where no path accepts them', () => {
    expect(textOf({ webSocketPaths: [] })).not.toContain('return (pipe)');
    expect(textOf({ webSocketPaths: ['/live'] })).toContain('req.url ~ "(?i)^(/live)([/?]|$)"');
    expect(textOf({ webSocketPaths: ['/'] })).toContain('req.http.Upgrade ~ "(?i)^websocket$") {');
  });

  it('probes the readiness check, and reuses connections where the app allows it', () => {
    const health = { liveness: '/l', readiness: '/r', startup: '/s' };
    expect(textOf({ health })).toContain('.url = "/r";');
    expect(textOf({ health: null })).not.toMatch(/probe/);
    expect(textOf({ keepAliveTimeoutMs: 5000 })).toContain('set bereq.http.Connection = "close";');
    expect(textOf({ keepAliveTimeoutMs: 65_000 })).not.toContain('set bereq.http.Connection = "close";');
  });

  it('states the limits that belong to the command of varnishd', () => {
    const text = textOf({ keepAliveTimeoutMs: 30_000, webSocketPaths: ['/'] });
    expect(text).toMatch(/^\/\/ Start: varnishd .* -p backend_idle_timeout=25 -p pipe_timeout=3600$/m);
    expect(adviceOf({ keepAliveTimeoutMs: 30_000 })).toContain('-p backend_idle_timeout=25');
  });

  it('states the trusted hops, TLS, the drain and a second cache', () => {
    expect(adviceOf({ trustProxy: 0 })).toContain("app.set('trust proxy', 1)");
    expect(adviceOf({}, { trustForwarded: true })).toContain("app.set('trust proxy', 2)");
    expect(adviceOf()).toContain('--trust-forwarded yes');
    expect(adviceOf({ shutdownDelayMs: 0 })).toContain('gracefulShutdown: { delayMs: 3000 }');
    expect(adviceOf({ cache: true })).toContain('option cache');
  });
});
