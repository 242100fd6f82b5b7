import { lookFor } from './look-for.ts';

export default (): void =>
  lookFor(['mkfifo', 'openssl', 'perl', 'script', 'socat', 'taskset', 'unshare', 'wrk']);
