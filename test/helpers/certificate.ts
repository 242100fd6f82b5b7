import path from 'node:path';
import { execFile, folder } from './daemons.js';

/** A certificate for localhost that signs itself, its key, and both in one file. */
export async function selfSigned(): Promise<{ certificate: string; certificateKey: string }> {
  const home = folder();
  const certificate = path.join(home, 'cert.pem');
  const certificateKey = path.join(home, 'key.pem');
  const key = [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-keyout',
    certificateKey,
  ];
  await execFile('openssl', ['req', '-x509', ...key, '-out', certificate, '-subj', '/CN=localhost']);
  return { certificate, certificateKey };
}
