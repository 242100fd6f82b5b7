import { lookFor } from './look-for.ts';

export default (): void =>
  lookFor([
    'docker-compose',
    'haproxy',
    'logrotate',
    'nginx',
    'nsenter',
    'redis-server',
    'systemctl',
    'systemd',
    'systemd-analyze',
    'systemd-nspawn',
    'unshare',
    'varnishd',
    'wrk',
  ]);
