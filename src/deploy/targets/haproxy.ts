import { type HaproxyOptions, haproxyOptions } from '../haproxy/haproxy-options.js';
import { balancerLines, usualCheckMs } from '../haproxy/load-balancer.js';
import { agreements, checkNames, drainAdvice } from '../proxy-target.js';
import { oldestOf } from '../versions.js';
import type { Target } from './target.js';

/** HAProxy in front of the instances of the app, with checks of their readiness. */
export const haproxy: Target<HaproxyOptions> = {
  summary: 'HAProxy: load balancer with readiness checks, retries and affinity',
  since: oldestOf('haproxy'),
  options: haproxyOptions,
  check: (facts) => checkNames('haproxy', facts),
  generate(facts, options) {
    return [{ name: 'haproxy.cfg', comment: '#', text: balancerLines(facts, options).join('\n') }];
  },
  advice(facts, options) {
    const { checkMs = usualCheckMs, certificate, trustForwarded, upstreams = [] } = options;
    const advice = [...agreements(facts, { trustForwarded }), ...drainAdvice(facts, 'HAProxy', checkMs)];
    if (certificate === undefined && trustForwarded !== true) {
      advice.push('There is no TLS: pass --certificate, a file with the certificate, its chain and its key.');
    }
    if (upstreams.length < 2 && facts.workers === 1)
      advice.push('There is one instance: pass --upstreams with all of them.');
    return advice;
  },
};
