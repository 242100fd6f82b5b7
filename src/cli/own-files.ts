import path from 'node:path';

/** The directory of this program and of the preload. PM2 puts a file of its own into `process.argv[1]`. */
export const ownDirectory = __dirname;

/** The file of this program. */
export const programFile = path.join(ownDirectory, 'cli.js');
