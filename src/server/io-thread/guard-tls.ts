/**
 * What CONFIG SET answers when the directives for TLS do not go together, a file is wrong or the port is
 * taken: nothing changes then. node:tls is loaded for that alone: an I/O thread does not speak TLS.
 */
import { createRequire } from 'node:module';
import type { Log } from '../../base/log.js';
import { ffiUnavailableReason } from '../../platform/ffi/libc.js';
import { closeListener, numericHost, openListener } from '../../platform/ffi/socket.js';
import type { Config } from '../config/config.js';
import { readServerOptions, usesTls } from '../config/tls.js';

type Tls = typeof import('node:tls');
type Value = (name: string) => string;

export function guardTls(config: Config, log: Log): void {
  const belongs = (name: string) => name.startsWith('tls-');
  config.guardGroup(belongs, (value) => {
    if (!usesTls(value)) return null;
    if (fails(log, () => checkOptions(value))) {
      return 'Unable to update TLS configuration. Check server logs.';
    }
    const port = Number(value('tls-port'));
    const isNew = port !== 0 && port !== config.number('tls-port');
    if (!isNew || !fails(log, () => tryPort(config, port, Number(value('port'))))) return null;
    return 'Unable to listen on this port. Check server logs.';
  });
}

function fails(log: Log, check: () => void): boolean {
  try {
    check();
    return false;
  } catch (error) {
    log.warning(error instanceof Error ? error.message : String(error));
    return true;
  }
}

/** @throws Error with what is wrong */
function checkOptions(value: Value): void {
  const { createSecureContext } = createRequire(import.meta.url)('node:tls') as Tls;
  const options = readServerOptions(value);
  createSecureContext({ ...options, ca: options.ca === undefined ? undefined : [...options.ca] });
}

/** @throws Error when somebody else listens there */
function tryPort(config: Config, port: number, other: number): void {
  if (port === other) throw new Error(`port and tls-port are both ${port}`);
  if (ffiUnavailableReason() !== '' || config.value('transport') === 'portable') {
    throw new Error('tls-port needs native calls, which this server does without');
  }
  for (const word of config.words('bind')) {
    // A name has to be looked up, '-address' may be missing: the TLS threads find out.
    if (numericHost(word) === undefined) continue;
    const opened = openListener({ host: word, port, backlog: 1 }, 0);
    if (!(opened instanceof Promise)) closeListener(opened);
  }
}
