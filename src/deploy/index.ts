export { type NginxCacheOptions, nginxCache } from './nginx-cache.js';
export type { ProxyCacheOptions } from './proxy-cache.js';
export { type VarnishCacheOptions, varnishCache } from './varnish-cache.js';
