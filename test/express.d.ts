import type { RequestFields } from '../src/index.js';

declare global {
  namespace Express {
    interface Request extends RequestFields {}
  }
}
