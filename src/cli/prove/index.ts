import path from 'node:path';
import { nearestPackageFile } from '../../deploy/package-files.js';
import { type Arguments, exitCodes, UsageError } from '../command.js';
import { interruptible } from '../interruptible.js';
import { print, printError, progressLine } from '../output.js';
import { CannotProve } from './cannot-prove.js';
import { formatProof, isProven } from './proof-report.js';
import { provableProxies } from './provable-proxies.js';
import { type ProofSettings, prove } from './run-proof.js';

/** The flags of a proof. */
export const proofFlags = {
  prove: {
    type: 'boolean',
    help: 'nginx, haproxy, varnish: run the proxy with the file in front of two instances of the app, and print what was proven',
  },
  path: { type: 'string', value: '<path>', help: '--prove: the path of GET requests; default: /' },
  upload: { type: 'string', value: '<path>', help: '--prove: also send uploads to this path, by POST' },
} as const;

/** Checks the flags of a proof. Returns the paths, or `undefined` where no proof was requested. */
export function proofPaths(target: string, { values }: Arguments): ProofSettings['paths'] | undefined {
  const given = (name: 'path' | 'upload') => {
    const value = values[name] as string | undefined;
    if (value === undefined || /^\/[\x21-\x7e]*$/.test(value)) return value;
    throw new UsageError(`--${name}: expected a path such as /health, got ${JSON.stringify(value)}`);
  };
  const [page, upload] = [given('path'), given('upload')];
  const provable = Object.keys(provableProxies);
  if (values.prove === true) {
    if (!provable.includes(target)) throw new UsageError(`--prove: expected one of ${provable.join(', ')}`);
    return { path: page ?? '/', upload };
  }
  if (page !== undefined || upload !== undefined)
    throw new UsageError('--path and --upload belong to --prove');
  return undefined;
}

/** Proves the file of a target and prints the result. Resolves with the exit code. */
export async function proveTarget(
  settings: Omit<ProofSettings, 'project'>,
  { values }: Arguments,
): Promise<number> {
  const scriptDirectory = path.dirname(settings.app.script);
  const project = nearestPackageFile(scriptDirectory)?.directory ?? scriptDirectory;
  const progress = progressLine();
  return interruptible(async (signal) => {
    try {
      const proof = await prove({ ...settings, project }, signal, progress.update).finally(progress.clear);
      print(values.json ? JSON.stringify(proof) : formatProof(proof));
      return isProven(proof) ? exitCodes.done : exitCodes.failed;
    } catch (error) {
      if (signal.aborted || !(error instanceof CannotProve)) throw error;
      printError(`deploy: ${error.message}`);
      return error.exitCode;
    }
  });
}
