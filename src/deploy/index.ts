export { checkDeploymentFile, type DeploymentFileCheck } from './check/check-file.js';
export type { Finding } from './check/finding.js';
export type { DeploymentFacts, HealthPaths, StaticDirectory } from './deployment-facts.js';
export {
  type Deployment,
  type DeploymentFile,
  deploymentFiles,
} from './deployment-files.js';
export { type ReadFactsOptions, readFacts } from './facts/read-facts.js';
export { type NginxCacheOptions, nginxCache } from './nginx-cache.js';
export type { ProxyCacheOptions } from './proxy-cache.js';
export type { TargetName } from './targets/index.js';
export { type VarnishCacheOptions, varnishCache } from './varnish-cache.js';
