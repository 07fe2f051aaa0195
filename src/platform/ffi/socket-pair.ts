/**
 * A connected pair of sockets that pass for a connection from elsewhere: what the TLS threads decrypt
 * goes through it to an I/O thread.
 *
 *   client ══TLS══▶ TLS thread [outer]──────[inner] I/O thread
 *
 * No address leads to the pair: nobody else can reach it. Both ends get a name all the same, in Linux's
 * abstract namespace: the outer one that of the client, the inner one that of the server's end. So
 * whoever holds the inner end, on whichever thread, finds the true addresses with it (`peerName`,
 * `localName` in socket.ts).
 *
 *   name: 0, 'darter-tls', 0, number of the pair in the process, 0, 'address:port'
 *
 * A client of the Unix socket may give its own end any name. It cannot give one to ours: so the name of
 * our own end says whether the peer's is to be believed.
 */
import { randomBytes } from 'node:crypto';
import { errno, requireLibc, systemError } from './libc.js';
import { createRegion } from './region.js';

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;
/** sun_path. */
const NAME_BYTES_MAX = 108;
const PATH_AT = 2;
const DESCRIPTORS_AT = 112;

const MARK = 'darter-tls';
const scratch = createRegion(120);
/** By thread: two threads never make the same number. */
const series = randomBytes(6).toString('hex');
let made = 0;

export interface SocketPair {
  /** The end that stands for the client. */
  readonly outer: number;
  readonly inner: number;
}

/**
 * @param peer 'address:port' of the client
 * @param local 'address:port' of the server's end
 * @throws TransportError (EMFILE ...)
 */
export function createSocketPair(peer: string, local: string): SocketPair {
  const libc = requireLibc();
  const at = scratch.address + DESCRIPTORS_AT;
  if (libc.socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, at) < 0) {
    throw systemError(errno(), 'socketpair');
  }
  const outer = scratch.view.getInt32(DESCRIPTORS_AT, true);
  const inner = scratch.view.getInt32(DESCRIPTORS_AT + 4, true);
  const number = `${series}${(++made).toString(36)}`;
  const failure = giveName(outer, `${number}o`, peer) || giveName(inner, `${number}i`, local);
  if (failure === 0) return { outer, inner };
  libc.close(outer);
  libc.close(inner);
  throw systemError(failure, 'bind');
}

/** @returns the error number, or 0 */
function giveName(descriptor: number, number: string, name: string): number {
  const bytes = Buffer.from(`\0${MARK}\0${number}\0${name}`, 'latin1').subarray(0, NAME_BYTES_MAX);
  scratch.view.setUint16(0, AF_UNIX, true);
  scratch.bytes.set(bytes, PATH_AT);
  const length = PATH_AT + bytes.length;
  return requireLibc().bind(descriptor, scratch.address, length) < 0 ? errno() : 0;
}

/**
 * 'address:port' in the name of one of the pair's ends, or null when it has none.
 *
 * @param path what follows the address family, as long as the system says it is
 */
export function nameInPair(path: Uint8Array): string | null {
  const words = Buffer.from(path).toString('latin1').split('\0');
  return words.length === 4 && words[0] === '' && words[1] === MARK ? words[3]! : null;
}
