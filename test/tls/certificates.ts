/** Certificates for tests, made by openssl: an authority, and what it and others have signed. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

export interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** As node:tls takes it: the contents of the files. */
export function contentOf({ cert, key }: Pair): { cert: string; key: string } {
  return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
}

export class Authority {
  readonly folder: string;
  readonly file: string;
  private readonly key: string;

  constructor(name: string) {
    this.folder = mkdtempSync(join(tmpdir(), 'darter-ca-'));
    this.file = join(this.folder, 'ca.crt');
    this.key = join(this.folder, 'ca.key');
    const subject = ['-subj', `/CN=${name}`, '-days', '2'];
    openssl('req', '-x509', ...CURVE, '-keyout', this.key, '-out', this.file, ...subject);
  }

  /** @param host what the certificate is good for; @param isExpired since two days */
  sign(name: string, { host = 'localhost', isExpired = false } = {}): Pair {
    const path = (extension: string) => join(this.folder, `${name}.${extension}`);
    const [cert, key, request] = [path('crt'), path('key'), path('csr')];
    openssl('req', ...CURVE, '-keyout', key, '-out', request, '-subj', `/CN=${name}`);
    const extensions = path('ext');
    writeFileSync(
      extensions,
      host === 'localhost'
        ? 'subjectAltName=DNS:localhost,IP:127.0.0.1\n'
        : `subjectAltName=DNS:${host}\n`,
    );
    const period = isExpired ? ['20200101000000Z', '20200102000000Z'] : [];
    if (isExpired) this.signFor(request, cert, extensions, period[0]!, period[1]!);
    else
      openssl(
        ...['x509', '-req', '-in', request, '-CA', this.file, '-CAkey', this.key],
        ...['-CAcreateserial', '-days', '2', '-extfile', extensions, '-out', cert],
      );
    return { cert, key };
  }

  /** `openssl x509` knows no start date: this takes its `ca`, with the files that it wants. */
  private signFor(request: string, cert: string, extensions: string, from: string, to: string) {
    const folder = join(this.folder, 'ca');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'index'), '');
    writeFileSync(
      join(folder, 'config'),
      `[ca]\ndefault_ca=d\n[d]\ndatabase=${folder}/index\nnew_certs_dir=${folder}\n` +
        'rand_serial=yes\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n',
    );
    openssl(
      ...['ca', '-batch', '-config', join(folder, 'config'), '-in', request, '-out', cert],
      ...['-cert', this.file, '-keyfile', this.key, '-startdate', from, '-enddate', to],
      ...['-extfile', extensions, '-notext'],
    );
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { stdio: 'pipe' });
}
