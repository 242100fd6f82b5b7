import { lookFor } from './look-for.ts';

export default (): void => lookFor(['mkfifo', 'openssl']);
