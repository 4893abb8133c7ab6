/**
 * PyKMIP's server (Debian's python3-pykmip) as a peer: certificates, a database and a log in a folder of its own.
 *
 * It speaks TLS 1.2 with a few suites of its time, wants RSA or ECDSA certificates of one authority, clientAuth among the
 * client's extended key usages, and takes the client's Common Name for the user.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Peer } from './peers.ts';

/** Debian's interpreter: another Python on the PATH does not see Debian's packages. */
const python = '/usr/bin/python3';

/** Whether PyKMIP and a Python that its server runs on (before 3.12) are here. */
export function hasPykmip(): boolean {
  return spawnSync(python, ['-c', 'import ssl; ssl.wrap_socket; from kmip.services.server import KmipServer'], { stdio: 'ignore' }).status === 0;
}

function makeCertificates(folder: string): void {
  const openssl = (...argumentList: string[]): void => void execFileSync('openssl', argumentList, { cwd: folder, stdio: 'ignore' });
  openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'ca-key.pem', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=bench authority', '-addext', 'basicConstraints=critical,CA:TRUE');
  const issue = (name: string, subject: string, extensions: string): void => {
    writeFileSync(path.join(folder, `${name}.ext`), extensions);
    openssl('req', '-newkey', 'rsa:2048', '-nodes', '-keyout', `${name}key.pem`, '-out', `${name}.csr`, '-subj', subject);
    openssl('x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca-key.pem', '-CAcreateserial', '-days', '2', '-extfile', `${name}.ext`, '-out', `${name}cert.pem`);
  };
  issue('', '/CN=localhost', 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n');
  issue('client-', '/CN=bench', 'extendedKeyUsage=clientAuth\n');
}

export async function startPykmip(port: number): Promise<Peer> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'pykmip-bench-'));
  makeCertificates(folder);
  mkdirSync(path.join(folder, 'policy'));
  const child = spawn(python, ['-B', '-W', 'ignore', path.join(import.meta.dirname, 'pykmip-server.py'), folder, String(port)], { stdio: ['ignore', 'pipe', 'pipe'] });
  let told = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => { told = (told + text).slice(-4000); });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill('SIGINT');
    // It joins its sessions' threads and policy monitor, which can take longer than a bench should.
    const timer = setTimeout(() => child.kill('SIGKILL'), 5_000);
    await exited;
    clearTimeout(timer);
    rmSync(folder, { recursive: true, force: true });
  };
  const isReady = await Promise.race([new Promise<boolean>((resolve) => child.stdout.once('data', () => resolve(true))), exited.then(() => false)]);
  if (!isReady) {
    await stop();
    throw new Error(`PyKMIP's server did not start: ${told}`);
  }
  const file = (name: string): Buffer => readFileSync(path.join(folder, name));
  return { port, pid: child.pid!, certificate: file('client-cert.pem'), privateKey: file('client-key.pem'), authority: file('ca.pem'), stop };
}
