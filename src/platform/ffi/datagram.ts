/**
 * One datagram to a Unix socket (unix(7)), which Node.js cannot send. An address that begins with '@'
 * is an abstract one: its first byte is zero, and its length ends it.
 */
import { errno, libc, systemError } from './libc.js';
import { createRegion } from './region.js';

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const MSG_NOSIGNAL = 0x4000;
/** sockaddr_un: family (2 bytes), then the path. */
const PATH_OFFSET = 2;
const PATH_BYTES_MAX = 107;
const ADDRESS_BYTES = 112;

/** @throws TransportError when it does not go out, and ENOSYS without native calls */
export function sendDatagram(path: string, text: string): void {
  if (libc === undefined) throw systemError(38, 'sendto');
  const name = Buffer.from(path);
  if (name.length === 0 || name.length > PATH_BYTES_MAX) throw systemError(36, `socket ${path}`);
  const message = Buffer.from(text);
  const region = createRegion(ADDRESS_BYTES + message.length);
  region.view.setUint16(0, AF_UNIX, true);
  region.bytes.set(name, PATH_OFFSET);
  if (path.startsWith('@')) region.bytes[PATH_OFFSET] = 0;
  region.bytes.set(message, ADDRESS_BYTES);
  const descriptor = libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) throw systemError(errno(), 'socket');
  const { address } = region;
  const sent = libc.sendto(
    descriptor,
    address + ADDRESS_BYTES,
    message.length,
    MSG_NOSIGNAL,
    address,
    PATH_OFFSET + name.length,
  );
  const failure = sent < 0 ? errno() : 0;
  libc.close(descriptor);
  if (failure !== 0) throw systemError(failure, `sendto ${path}`);
}
