import { lookFor } from './look-for.ts';

export default (): void =>
  lookFor(['haproxy', 'nginx', 'redis-server', 'systemctl', 'systemd', 'unshare', 'varnishd', 'wrk']);
