import {
  agreements,
  checkNames,
  drainAdvice,
  healthPaths,
  keepaliveSeconds,
  responseSeconds,
  siteName,
} from '../proxy-target.js';
import { daemonParameters } from '../varnish/daemon-parameters.js';
import { type VarnishOptions, varnishOptions } from '../varnish/varnish-options.js';
import { vcl } from '../varnish/vcl.js';
import type { Target } from './target.js';

const usualCheckMs = 1000;

/** Varnish in front of the instances of the app: a cache that obeys the headers of responses. */
export const varnish: Target<VarnishOptions> = {
  summary: 'Varnish: cache with stale responses while the app is down, purges and readiness checks',
  since: 'Varnish 6.5',
  options: varnishOptions,
  check: (facts) => checkNames('varnish', facts),
  generate(facts, options) {
    const { upstreams, trustForwarded = false, purgeFrom = [], ...rest } = options;
    const { sessionCookies, health, webSocketPaths, eventStreamPaths, compression } = facts;
    const text = vcl({
      // the prefix avoids conflicts with keywords and modules of VCL
      name: `site_${siteName(facts)}`,
      upstreams: upstreams ?? [`127.0.0.1:${facts.port}`],
      // without known sessions each cookie is one
      sessionCookies: sessionCookies.length === 0 || sessionCookies,
      stale: rest.stale ?? 'directives',
      maxStaleSeconds: 86_400,
      timeoutSeconds: rest.timeoutSeconds ?? responseSeconds(facts),
      trustForwarded,
      probePath: health === null ? false : health.readiness,
      probeMs: rest.checkMs ?? usualCheckMs,
      purgeFrom,
      affinity: rest.affinity,
      bodyLimit: rest.maxBodyBytes ?? facts.bodyLimitBytes,
      hiddenPaths: rest.exposeHealth === true ? [] : healthPaths(facts),
      webSocketPaths,
      eventStreamPaths,
      compress: !compression,
      reusesConnections: keepaliveSeconds(facts) > 0,
    });
    const start = ['varnishd', '-a', ':80', '-f', '/etc/varnish/default.vcl', '-s', 'malloc,256m'];
    return [
      {
        name: 'default.vcl',
        comment: '//',
        text: `// Start: ${[...start, ...daemonParameters(facts)].join(' ')}\n${text}`,
      },
    ];
  },
  advice(facts, options) {
    const { checkMs = usualCheckMs, trustForwarded, upstreams = [] } = options;
    const advice = [
      ...agreements(facts, { trustForwarded }),
      ...drainAdvice(facts, 'Varnish', checkMs),
      `Some limits are no part of the file: start varnishd with ${daemonParameters(facts).join(' ')}.`,
    ];
    if (trustForwarded !== true) {
      advice.push('Varnish has no TLS: put a TLS proxy in front and pass --trust-forwarded yes.');
    }
    if (facts.cache) {
      advice.push('The app and Varnish both cache responses: leave the option cache of the app off.');
    }
    if (upstreams.length < 2 && facts.workers === 1)
      advice.push('There is one instance: pass --upstreams with all of them.');
    return advice;
  },
};
