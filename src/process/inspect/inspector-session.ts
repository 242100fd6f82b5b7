import { attempt } from '../../support/attempt.js';
import { loadBuiltin } from '../../support/node-builtins.js';

/** Sends a command of the DevTools protocol to this thread. */
export type Post = <Result = unknown>(method: string, params?: object) => Promise<Result>;

/**
 * Runs work with an inspector session on this thread and disconnects it in every case, which ends all profiles of the
 * session. Rejects where this process has no inspector, or a debugger uses it.
 */
export async function withInspector<Result>(work: (post: Post) => Promise<Result>): Promise<Result> {
  // a Node without an inspector returns nothing or throws
  const inspector = attempt(() => loadBuiltin('node:inspector'));
  if (inspector === undefined) throw new Error('this Node was built without an inspector');
  if (inspector.url() !== undefined) throw new Error('a debugger is open in this worker');
  const session = new inspector.Session();
  try {
    session.connect();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_ACCESS_DENIED') throw error;
    // older versions of Node have no flag that allows it
    const hint = process.allowedNodeEnvironmentFlags.has('--allow-inspector')
      ? ': add --allow-inspector'
      : '';
    throw new Error(`the permission model of Node denies the inspector in this worker${hint}`);
  }
  try {
    return await work(
      (method, params) =>
        new Promise((resolve, reject) => {
          session.post(method, params, (error, result) => (error ? reject(error) : resolve(result as never)));
        }),
    );
  } finally {
    session.disconnect();
  }
}
