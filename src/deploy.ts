export { type NginxCacheOptions, nginxCache } from './deploy/nginx-cache.js';
export type { ProxyCacheOptions } from './deploy/proxy-cache.js';
export { type VarnishCacheOptions, varnishCache } from './deploy/varnish-cache.js';
