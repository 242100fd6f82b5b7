import express5, { type Express } from 'express';
import express4 from 'express4';

export type ExpressFactory = typeof express5;

/** Every request-path test runs on both: `describe.each(expressVersions)('%s', (_name, express) => …)`. */
export const expressVersions: [name: string, express: ExpressFactory][] = [
  ['Express 4', express4 as unknown as ExpressFactory],
  ['Express 5', express5],
];

export type { Express };
