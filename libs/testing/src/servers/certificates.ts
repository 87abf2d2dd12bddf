import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** Of a server that has the certificates in a folder; its clients need none. */
export const tlsSettings = (folder: string): string[] => [
  `tls-cert-file ${join(folder, 'server.pem')}`,
  `tls-key-file ${join(folder, 'server.key')}`,
  `tls-ca-cert-file ${join(folder, 'ca.pem')}`,
  'tls-auth-clients no',
];

/** Makes `ca.pem`, and beside it `server.pem` for this machine, signed by it. */
export function makeCertificates(folder: string): void {
  const openssl = (...args: string[]) => {
    const { status, stderr } = spawnSync('openssl', args, { cwd: folder });
    if (status !== 0) throw new Error(`openssl ${args[0]}: ${stderr}`);
  };
  openssl(
    'req',
    '-x509',
    ...KEY,
    '-days',
    '1',
    '-subj',
    '/CN=a CA for tests',
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
  );
  openssl('req', ...KEY, '-subj', '/CN=localhost', '-keyout', 'server.key', '-out', 'server.csr');
  writeFileSync(join(folder, 'names'), 'subjectAltName=DNS:localhost,IP:127.0.0.1');
  const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-days', '1', '-extfile', 'names'];
  openssl('x509', '-req', '-in', 'server.csr', ...signed, '-out', 'server.pem');
}
