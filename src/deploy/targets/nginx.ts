import { ProductionizeError } from '../../support/errors.js';
import { type NginxOptions, nginxOptions } from '../nginx/nginx-options.js';
import { siteLines } from '../nginx/site.js';
import { agreements, checkNames } from '../proxy-target.js';
import { featureVersions, hasFeature, oldestOf } from '../versions.js';
import type { Target } from './target.js';

export type { NginxOptions };

/** nginx in front of the app: a site for the `http` context (`conf.d/app.conf`). */
export const nginx: Target<NginxOptions> = {
  summary: 'nginx: reverse proxy with TLS, static files, retries, and a cache on request',
  since: oldestOf('nginx'),
  options: nginxOptions,
  check(facts, { certificate, certificateKey, resolver, nginxVersion = featureVersions.nginx.oldest }) {
    checkNames('nginx', facts);
    if ((certificate === undefined) !== (certificateKey === undefined)) {
      throw new ProductionizeError(
        'ERR_PRODUCTIONIZE_OPTION',
        'nginx: `certificate` and `certificateKey` belong together. Pass both or none.',
      );
    }
    if (resolver !== undefined && !hasFeature('nginx', nginxVersion, 'resolve')) {
      throw new ProductionizeError(
        'ERR_PRODUCTIONIZE_OPTION',
        `nginx: \`resolver\` needs nginx ${featureVersions.nginx.resolve} or later. Pass its version as \`nginxVersion\`.`,
      );
    }
  },
  generate(facts, options) {
    return [{ name: `${facts.name}.conf`, comment: '#', text: siteLines(facts, options).join('\n') }];
  },
  advice(facts, options) {
    const advice = agreements(facts, options);
    if (options.certificate === undefined && options.trustForwarded !== true) {
      advice.push('The site has no TLS: pass --certificate and --certificate-key.');
    }
    if (facts.staticDirectories.length > 0 && options.directory === undefined) {
      advice.push('The app serves static files: pass --directory so that nginx does it.');
    }
    if (facts.cache && options.cache === true) {
      advice.push('The app and nginx both cache responses: leave the option cache of one of them off.');
    }
    const isBalanced = (options.upstreams ?? []).length > 1 || facts.workers !== 1;
    if (facts.webSocketPaths.includes('/socket.io') && isBalanced && options.affinity === undefined) {
      advice.push(
        'Long polling of socket.io needs the same instance for each request: pass --affinity cookie.',
      );
    }
    return advice;
  },
};
