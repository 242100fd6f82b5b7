import { ExaminedApp, type ExaminedScript } from '../examined-app.js';
import type { AppSite } from '../probe/doctor-protocol.js';
import { nodeOptionsFor } from '../script-runner.js';

/**
 * Runs a script until its app listens, and returns where it was created. The line was run, so that it is in no comment
 * and in no string.
 */
export async function findAppSite(script: ExaminedScript): Promise<AppSite | null> {
  const nodeArgs = [...(script.nodeArgs ?? []), ...nodeOptionsFor(script.script).args];
  const app = new ExaminedApp({ ...script, nodeArgs });
  try {
    await app.listening(script.timeoutMs);
    return await app.request('app site');
  } finally {
    await app.end();
  }
}
