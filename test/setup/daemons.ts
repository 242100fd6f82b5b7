import { lookFor } from './look-for.ts';

export default (): void =>
  lookFor([
    'chromium',
    'docker-compose',
    'flock',
    'haproxy',
    'ip',
    'logrotate',
    'nginx',
    'nsenter',
    'prometheus',
    'promtool',
    'redis-server',
    'rsync',
    'ssh',
    'sshd',
    'systemctl',
    'systemd',
    'systemd-analyze',
    'systemd-nspawn',
    'unshare',
    'varnishd',
    'wrk',
  ]);
