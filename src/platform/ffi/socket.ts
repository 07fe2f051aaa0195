/**
 * Sockets through libc: listeners with their options, and the names of both ends. Off the data path;
 * what accepted sockets need (TCP_NODELAY, keepalive) is set on the listener and inherited, which
 * saves its system calls at each accept.
 */
import { lookup } from 'node:dns/promises';
import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { type ListenAddress, TransportError } from '../transport.js';
import { errno, requireLibc, systemError } from './libc.js';
import { createRegion } from './region.js';
import { nameInPair } from './socket-pair.js';

const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_KEEPALIVE = 9;
const SO_REUSEPORT = 15;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const TCP_KEEPIDLE = 4;
const TCP_KEEPINTVL = 5;
const TCP_KEEPCNT = 6;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;

const ADDRESS_BYTES = 128;
const LENGTH_AT = 120;
const OPTION_AT = 124;
/** sun_path: 108 bytes, the last one a zero. */
export const PATH_BYTES_MAX = 107;
const scratch = createRegion(ADDRESS_BYTES);

export interface Listener {
  readonly descriptor: number;
  readonly port: number;
  /** Of a unix socket: removed when the listener closes. */
  readonly path: string;
}

/** Puts a 32-bit option; failures of options are never fatal. */
function setOption(descriptor: number, level: number, option: number, value: number): void {
  scratch.view.setInt32(OPTION_AT, value, true);
  requireLibc().setsockopt(descriptor, level, option, scratch.address + OPTION_AT, 4);
}

/** Sets (seconds > 0) or clears TCP keepalive. */
export function setKeepAlive(descriptor: number, seconds: number): void {
  setOption(descriptor, SOL_SOCKET, SO_KEEPALIVE, seconds > 0 ? 1 : 0);
  if (seconds <= 0) return;
  setOption(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, seconds);
  setOption(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, Math.max(1, Math.trunc(seconds / 3)));
  setOption(descriptor, IPPROTO_TCP, TCP_KEEPCNT, 3);
}

/** '' and '*' are all of IPv4, '::*' all of IPv6, 'localhost' 127.0.0.1; undefined: ask the resolver. */
export function numericHost(host: string): string | undefined {
  if (host === '' || host === '*') return '0.0.0.0';
  if (host === '::*') return '::';
  if (host === 'localhost') return '127.0.0.1';
  return isIPv4(host) || isIPv6(host) ? host : undefined;
}

const BYTE = '(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const IPV4 = new RegExp(`^${BYTE}(\\.${BYTE}){3}$`);

/** As node:net has it, which most threads need for nothing else. */
function isIPv4(host: string): boolean {
  return IPV4.test(host);
}

/** The eight 16-bit groups of an IPv6 address, '::' and a dotted tail included. */
function ipv6Groups(address: string): number[] {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const plain = dotted
    ? `${dotted[1]}${(Number(dotted[2]) * 256 + Number(dotted[3])).toString(16)}:${(
        Number(dotted[4]) * 256 + Number(dotted[5])
      ).toString(16)}`
    : address;
  const parse = (part: string | undefined) =>
    part ? part.split(':').map((group) => Number.parseInt(group, 16)) : [];
  const [before, after] = plain.split('::');
  const head = parse(before);
  const tail = parse(after);
  const zeros = new Array<number>(Math.max(0, 8 - head.length - tail.length)).fill(0);
  return [...head, ...zeros, ...tail];
}

/** Writes sockaddr_in or sockaddr_in6 into the scratch region; returns its length. */
function writeInternetAddress(address: string, port: number): number {
  const view = scratch.view;
  scratch.bytes.fill(0, 0, LENGTH_AT);
  view.setUint16(2, port, false);
  if (isIPv4(address)) {
    view.setUint16(0, AF_INET, true);
    address.split('.').forEach((part, i) => {
      view.setUint8(4 + i, Number(part));
    });
    return 16;
  }
  view.setUint16(0, AF_INET6, true);
  const zone = address.indexOf('%');
  const bare = zone < 0 ? address : address.slice(0, zone);
  ipv6Groups(bare).forEach((group, i) => {
    view.setUint16(8 + i * 2, group, false);
  });
  return 28;
}

function writeUnixAddress(path: string): number {
  const bytes = Buffer.from(path);
  if (bytes.length > PATH_BYTES_MAX) throw systemError(36, `unix socket ${path}`);
  scratch.bytes.fill(0, 0, LENGTH_AT);
  scratch.view.setUint16(0, AF_UNIX, true);
  scratch.bytes.set(bytes, 2);
  return 2 + bytes.length + 1;
}

/**
 * Creates, binds and listens; at once unless a name must be resolved (in a transport's own loop
 * promises never settle).
 * @throws TransportError
 */
export function openListener(
  address: ListenAddress,
  keepAliveSeconds: number,
): Listener | Promise<Listener> {
  if (address.tls !== undefined) throw new TransportError('ENOTSUP', 'no TLS on native sockets');
  if (address.path !== undefined) return openUnixListener(address, address.path);
  const host = numericHost(address.host ?? '');
  if (host !== undefined) return openTcpListener(address, host, keepAliveSeconds);
  return lookupHost(address.host ?? '').then((found) =>
    openTcpListener(address, found, keepAliveSeconds),
  );
}

/** The first address of a name. @throws TransportError with the resolver's code (ENOTFOUND ...) */
export async function lookupHost(host: string): Promise<string> {
  try {
    return (await lookup(host)).address;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'ENOTFOUND';
    throw new TransportError(code, `listen on ${host}: ${code}`);
  }
}

function openTcpListener(address: ListenAddress, host: string, keepAliveSeconds: number): Listener {
  const libc = requireLibc();
  const domain = isIPv4(host) ? AF_INET : AF_INET6;
  const what = `listen on ${host}:${address.port ?? 0}`;
  const descriptor = libc.socket(domain, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) throw systemError(errno(), what);
  if (domain === AF_INET6) setOption(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  setOption(descriptor, SOL_SOCKET, SO_REUSEADDR, 1);
  if (address.reusePort === true) setOption(descriptor, SOL_SOCKET, SO_REUSEPORT, 1);
  setOption(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
  setKeepAlive(descriptor, keepAliveSeconds);
  const length = writeInternetAddress(host, address.port ?? 0);
  bindAndListen(descriptor, length, address.backlog, what);
  return { descriptor, port: localPort(descriptor), path: '' };
}

function openUnixListener(address: ListenAddress, path: string): Listener {
  const what = `listen on ${path}`;
  const length = writeUnixAddress(path);
  const descriptor = requireLibc().socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) throw systemError(errno(), what);
  bindAndListen(descriptor, length, address.backlog, what);
  if (address.mode) chmodSync(path, address.mode);
  return { descriptor, port: 0, path };
}

function bindAndListen(descriptor: number, length: number, backlog: number, what: string): void {
  const libc = requireLibc();
  const failed =
    libc.bind(descriptor, scratch.address, length) < 0 || libc.listen(descriptor, backlog) < 0;
  if (!failed) return;
  const code = errno();
  libc.close(descriptor);
  throw systemError(code, what);
}

export function closeListener(listener: Listener): void {
  requireLibc().close(listener.descriptor);
  removeUnixPath(listener.path);
}

/** Removes the socket file of a listener ('' for TCP); somebody may have removed it before. */
export function removeUnixPath(path: string): void {
  if (path === '') return;
  try {
    if (lstatSync(path).isSocket()) unlinkSync(path);
  } catch {
    // gone already
  }
}

function localPort(descriptor: number): number {
  scratch.view.setUint32(LENGTH_AT, LENGTH_AT, true);
  requireLibc().getsockname(descriptor, scratch.address, scratch.address + LENGTH_AT);
  return scratch.view.getUint16(2, false);
}

/** Eight groups as the text of an IPv6 address, the longest run of zeros shortened. */
function ipv6Text(groups: readonly number[]): string {
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    const [high, low] = [groups[6]!, groups[7]!];
    return `::ffff:${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
  }
  let best = -1;
  let bestLength = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > bestLength) [best, bestLength] = [i, end - i];
  }
  const hex = (part: readonly number[]) => part.map((group) => group.toString(16)).join(':');
  if (best < 0) return hex(groups);
  return `${hex(groups.slice(0, best))}::${hex(groups.slice(best + bestLength))}`;
}

/** What getpeername or getsockname wrote into the scratch region. */
function addressText(path: string): string {
  const view = scratch.view;
  const family = view.getUint16(0, true);
  if (family === AF_INET) {
    const bytes = scratch.bytes;
    return `${bytes[4]}.${bytes[5]}.${bytes[6]}.${bytes[7]}:${view.getUint16(2, false)}`;
  }
  if (family === AF_INET6) {
    const groups = Array.from({ length: 8 }, (_, i) => view.getUint16(8 + i * 2, false));
    return `[${ipv6Text(groups)}]:${view.getUint16(2, false)}`;
  }
  return `${path}:0`;
}

/** What follows the family in the scratch region, as long as the system says it is. */
function unixName(): Uint8Array {
  const length = scratch.view.getUint32(LENGTH_AT, true);
  return scratch.bytes.slice(2, Math.min(LENGTH_AT, Math.max(2, length)));
}

function unixPath(): string {
  const path = Buffer.from(unixName()).toString();
  const end = path.indexOf('\0');
  return end < 0 ? path : path.slice(0, end);
}

/** Asks for the name of one end. @returns whether there is one */
function readName(descriptor: number, ofPeer: boolean): boolean {
  scratch.view.setUint32(LENGTH_AT, LENGTH_AT, true);
  const at = scratch.address;
  const libc = requireLibc();
  const failed = ofPeer
    ? libc.getpeername(descriptor, at, at + LENGTH_AT)
    : libc.getsockname(descriptor, at, at + LENGTH_AT);
  return failed >= 0;
}

/** Whether it is a Unix socket: of a client of `unixsocket`, or the end of a pair. */
export function isUnixSocket(descriptor: number): boolean {
  return readName(descriptor, false) && scratch.view.getUint16(0, true) === AF_UNIX;
}

/**
 * 'address:port' of our end; a unix socket's is 'path:0', and that of a connection which a TLS thread
 * decrypts the one it was made to. '' if it is gone.
 */
export function localName(descriptor: number): string {
  if (!readName(descriptor, false)) return '';
  const isUnix = scratch.view.getUint16(0, true) === AF_UNIX;
  return (isUnix ? nameInPair(unixName()) : null) ?? addressText(unixPath());
}

/** 'address:port' of the peer. A unix client has no name, so the path is that of our end. */
export function peerName(descriptor: number): string {
  if (!readName(descriptor, true)) return '';
  if (scratch.view.getUint16(0, true) !== AF_UNIX) return addressText('');
  const peer = nameInPair(unixName());
  // Only our own end's name says that the peer's was given by us.
  const isPair = peer !== null && readName(descriptor, false) && nameInPair(unixName()) !== null;
  return isPair ? peer : localName(descriptor);
}
