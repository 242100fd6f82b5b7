import { ProductionizeError } from '../../support/errors.js';
import type { DeploymentFacts } from '../deployment-facts.js';
import { type NginxOptions, nginxOptions } from '../nginx/nginx-options.js';
import { siteLines } from '../nginx/site.js';
import { agreements, checkFacts } from '../proxy-target.js';
import { checkTargetOptions } from '../target-options.js';
import { featureVersions, hasFeature, oldestOf } from '../versions.js';
import type { Target } from './target.js';

export type { NginxOptions };

/** nginx in front of the app: a site for the `http` context (`conf.d/app.conf`). */
export const nginx: Target<NginxOptions> = {
  summary: 'nginx: reverse proxy with TLS, static files, retries, and a cache on request',
  since: oldestOf('nginx'),
  options: nginxOptions,
  generate(facts, options) {
    const checked = check(facts, options);
    return [{ name: `${facts.name}.conf`, comment: '#', text: siteLines(facts, checked).join('\n') }];
  },
  advice(facts, options) {
    const checked = check(facts, options);
    const advice = agreements(facts, checked);
    if (checked.certificate === undefined && checked.trustForwarded !== true) {
      advice.push('The site has no TLS: pass --certificate and --certificate-key.');
    }
    if (facts.staticDirectories.length > 0 && checked.directory === undefined) {
      advice.push('The app serves static files: pass --directory so that nginx does it.');
    }
    if (facts.cache && checked.cache === true) {
      advice.push('The app and nginx both cache responses: leave the option cache of one of them off.');
    }
    const isBalanced = (checked.upstreams ?? []).length > 1 || facts.workers !== 1;
    if (facts.webSocketPaths.includes('/socket.io') && isBalanced && checked.affinity === undefined) {
      advice.push(
        'Long polling of socket.io needs the same instance for each request: pass --affinity cookie.',
      );
    }
    return advice;
  },
};

function check(facts: DeploymentFacts, options: NginxOptions): NginxOptions {
  checkFacts('nginx', facts);
  const checked = checkTargetOptions('nginx', options, nginxOptions);
  if ((checked.certificate === undefined) !== (checked.certificateKey === undefined)) {
    throw new ProductionizeError(
      'ERR_PRODUCTIONIZE_OPTION',
      'nginx: `certificate` and `certificateKey` belong together. Pass both or none.',
    );
  }
  const { resolver, nginxVersion = featureVersions.nginx.oldest } = checked;
  if (resolver !== undefined && !hasFeature('nginx', nginxVersion, 'resolve')) {
    throw new ProductionizeError(
      'ERR_PRODUCTIONIZE_OPTION',
      `nginx: \`resolver\` needs nginx ${featureVersions.nginx.resolve} or later. Pass its version as \`nginxVersion\`.`,
    );
  }
  return checked;
}
