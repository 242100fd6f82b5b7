import type { Express } from 'express';

declare function check(app: Express): void;
export = check;
