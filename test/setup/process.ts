import { lookFor } from './look-for.ts';

export default (): void =>
  lookFor(['flock', 'git', 'mkfifo', 'openssl', 'perl', 'script', 'socat', 'taskset', 'unshare', 'wrk']);
