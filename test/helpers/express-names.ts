import { everyCase } from './repetitions.js';

/** The packages as programs import them; the short run takes Express 5 alone. */
export const expressNames = everyCase ? (['express4', 'express'] as const) : (['express'] as const);
