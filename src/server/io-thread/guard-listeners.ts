/**
 * What CONFIG SET answers when the server cannot listen on the new `port` or on the addresses of `bind`:
 * nothing changes then. The addresses are tried before the old listeners close. While the port stays,
 * an address is tried without it, as the server itself has it.
 */
import type { Log } from '../../base/log.js';
import { ffiUnavailableReason } from '../../platform/ffi/libc.js';
import { closeListener, numericHost, openListener } from '../../platform/ffi/socket.js';
import type { Config } from '../config/config.js';

const NOT_THIS_PORT = 'Unable to listen on this port. Check server logs.';
const NOT_THESE_ADDRESSES = 'Failed to bind to specified addresses.';

export function guardListeners(config: Config, log: Log): void {
  const belongs = (name: string) => name === 'port' || name === 'bind';
  config.guardGroup(belongs, (value, first) => {
    const port = Number(value('port'));
    const isNewPort = port !== config.number('port');
    if (!isNewPort && value('bind') === config.value('bind')) return null;
    const isTlsPort = port !== 0 && port === Number(value('tls-port'));
    const wrong = isTlsPort
      ? `port and tls-port are both ${port}`
      : whyNot(value('bind'), port, isNewPort);
    if (wrong === null) return null;
    log.warning(wrong);
    return first === 'port' ? NOT_THIS_PORT : NOT_THESE_ADDRESSES;
  });
}

/** @returns what is wrong with the first address that must be there and cannot be had, or null */
function whyNot(bind: string, port: number, isNewPort: boolean): string | null {
  // The portable transport has nothing to try it with.
  if (port === 0 || ffiUnavailableReason() !== '') return null;
  for (const word of bind.split(' ')) {
    if (word === '' || word.startsWith('-')) continue;
    const reason = failureOf(word, isNewPort ? port : 0);
    if (reason === null) continue;
    return `Warning: Could not create server TCP listening socket ${word}:${port}: ${reason}`;
  }
  return null;
}

function failureOf(word: string, port: number): string | null {
  // An I/O thread does not wait for a resolver.
  if (numericHost(word) === undefined) return 'Name or service not known';
  try {
    const opened = openListener({ host: word, port, backlog: 1 }, 0);
    if (!(opened instanceof Promise)) closeListener(opened);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
