import path from 'node:path';
import { readEnvironment } from '../../support/environment.js';
import { warnOnce } from '../../support/errors.js';

type Env = Readonly<Record<string, string | undefined>>;

/** Says once that a package manager stands between the orchestrator and this process in production. */
export function warnOfNpmStart(env: Env = process.env): void {
  const { npm_lifecycle_event: event, npm_lifecycle_script: script = '' } = env;
  if (event === undefined || readEnvironment(env.NODE_ENV).mode !== 'production') return;
  const name = path.parse(process.argv[1] ?? '').name;
  // children of `npm test` inherit these variables, and are not what that script names
  if (event !== 'start' && !(name !== '' && script.includes(name))) return;
  warnOnce(
    'ERR_PRODUCTIONIZE_NPM_START',
    `Started by \`npm run ${event}\`: a SIGTERM for npm does not wait for this process, and may never reach it. Start node itself: ${script || 'node app.js'}.`,
  );
}
