/**
 * The C library through koffi: the one place of the project that calls native code by name.
 *
 * Addresses are plain numbers (`size_t` in the signatures): a pointer object or a Buffer argument
 * costs twice as much a call. They come from `region.ts`, which also checks bounds; nothing outside
 * platform/ffi sees an address. Where koffi has no binary for the system, or the system is not Linux,
 * `libc` is undefined and the portable parts of platform/ take over.
 */
import { endianness } from 'node:os';
import { getSystemErrorName } from 'node:util';
import { TransportError } from '../transport.js';
import { type Koffi, loadKoffi } from './koffi.js';

/** The calls used, as they are after binding. Each returns -1 on failure; see `errno`. */
export interface Libc {
  syscall(
    number: number,
    first: number,
    second: number,
    third: number,
    fourth: number,
    fifth: number,
    sixth: number,
  ): number;
  mmap(
    address: number,
    length: number,
    protection: number,
    flags: number,
    descriptor: number,
    offset: number,
  ): number | bigint;
  munmap(address: number, length: number): number;
  madvise(address: number, length: number, advice: number): number;
  memmove(to: number, from: number, length: number): unknown;
  eventfd(initial: number, flags: number): number;
  eventfdWrite(descriptor: number, value: number): number;
  read(descriptor: number, address: number, length: number): number;
  close(descriptor: number): number;
  socket(domain: number, type: number, protocol: number): number;
  socketpair(domain: number, type: number, protocol: number, descriptors: number): number;
  bind(descriptor: number, address: number, length: number): number;
  listen(descriptor: number, backlog: number): number;
  accept4(descriptor: number, address: number, length: number, flags: number): number;
  setsockopt(
    descriptor: number,
    level: number,
    option: number,
    value: number,
    length: number,
  ): number;
  fcntl(descriptor: number, command: number, value: number): number;
  getsockname(descriptor: number, address: number, length: number): number;
  getpeername(descriptor: number, address: number, length: number): number;
  recv(descriptor: number, address: number, length: number, flags: number): number;
  send(descriptor: number, address: number, length: number, flags: number): number;
  sendto(
    descriptor: number,
    bytes: number,
    length: number,
    flags: number,
    address: number,
    addressLength: number,
  ): number;
  clockGettime(clock: number, time: number): number;
  exitNow(code: number): void;
  flock(descriptor: number, operation: number): number;
  getrlimit(resource: number, limits: number): number;
  setrlimit(resource: number, limits: number): number;
  getpriority(which: number, who: number): number;
  setpriority(which: number, who: number, priority: number): number;
  /** Gives free memory of the allocator back to the system. Does nothing where libc has no such call. */
  mallocTrim(padding: number): number;
  /** Sets a parameter of the allocator, for the whole process. Does nothing where libc has no such call. */
  mallopt(parameter: number, value: number): number;
  epollCreate(flags: number): number;
  epollControl(epoll: number, operation: number, descriptor: number, event: number): number;
  epollWait(epoll: number, events: number, maximum: number, timeoutMs: number): number;
}

function bind(koffi: Koffi): Libc {
  const library = koffi.load(null);
  const fn = (name: string, result: string, ...parameters: string[]) =>
    library.func(name, result, parameters);
  const has = (name: string) => {
    try {
      library.symbol(name);
      return true;
    } catch {
      return false;
    }
  };
  // `void *` results (memmove) are declared as size_t: nobody reads them, and no object is made.
  return {
    syscall: fn('syscall', 'long', 'int', 'int', 'size_t', 'size_t', 'int', 'size_t', 'size_t'),
    mmap: fn('mmap', 'size_t', 'size_t', 'size_t', 'int', 'int', 'int', 'size_t'),
    munmap: fn('munmap', 'int', 'size_t', 'size_t'),
    madvise: fn('madvise', 'int', 'size_t', 'size_t', 'int'),
    memmove: fn('memmove', 'size_t', 'size_t', 'size_t', 'size_t'),
    eventfd: fn('eventfd', 'int', 'uint', 'int'),
    eventfdWrite: fn('eventfd_write', 'int', 'int', 'uint64_t'),
    read: fn('read', 'long', 'int', 'size_t', 'size_t'),
    close: fn('close', 'int', 'int'),
    socket: fn('socket', 'int', 'int', 'int', 'int'),
    socketpair: fn('socketpair', 'int', 'int', 'int', 'int', 'size_t'),
    bind: fn('bind', 'int', 'int', 'size_t', 'uint'),
    listen: fn('listen', 'int', 'int', 'int'),
    accept4: fn('accept4', 'int', 'int', 'size_t', 'size_t', 'int'),
    setsockopt: fn('setsockopt', 'int', 'int', 'int', 'int', 'size_t', 'uint'),
    fcntl: fn('fcntl', 'int', 'int', 'int', 'int'),
    getsockname: fn('getsockname', 'int', 'int', 'size_t', 'size_t'),
    getpeername: fn('getpeername', 'int', 'int', 'size_t', 'size_t'),
    recv: fn('recv', 'long', 'int', 'size_t', 'size_t', 'int'),
    send: fn('send', 'long', 'int', 'size_t', 'size_t', 'int'),
    sendto: fn('sendto', 'long', 'int', 'size_t', 'size_t', 'int', 'size_t', 'uint'),
    clockGettime: fn('clock_gettime', 'int', 'int', 'size_t'),
    exitNow: fn('_exit', 'void', 'int'),
    flock: fn('flock', 'int', 'int', 'int'),
    getrlimit: fn('getrlimit', 'int', 'int', 'size_t'),
    setrlimit: fn('setrlimit', 'int', 'int', 'size_t'),
    getpriority: fn('getpriority', 'int', 'int', 'uint'),
    setpriority: fn('setpriority', 'int', 'int', 'uint', 'int'),
    mallocTrim: has('malloc_trim') ? fn('malloc_trim', 'int', 'size_t') : () => 0,
    mallopt: has('mallopt') ? fn('mallopt', 'int', 'int', 'int') : () => 0,
    epollCreate: fn('epoll_create1', 'int', 'int'),
    epollControl: fn('epoll_ctl', 'int', 'int', 'int', 'int', 'size_t'),
    epollWait: fn('epoll_wait', 'int', 'int', 'size_t', 'int', 'int'),
  };
}

let koffi: Koffi | undefined;
let bound: Libc | undefined;
let unavailable = '';

function load(): void {
  if (process.platform !== 'linux') {
    unavailable = `no native calls on ${process.platform}`;
  } else if (endianness() !== 'LE' || !['x64', 'arm64', 'riscv64'].includes(process.arch)) {
    unavailable = `no native calls on ${process.arch}`;
  } else if (process.env.DARTER_NO_FFI === '1') {
    unavailable = 'native calls are switched off by DARTER_NO_FFI';
  } else {
    try {
      koffi = loadKoffi();
      bound = bind(koffi);
    } catch (error) {
      unavailable = `koffi does not load: ${error instanceof Error ? error.message : error}`;
    }
  }
}
load();

/** The bindings, or undefined where there are none: see `ffiUnavailableReason`. */
export const libc: Libc | undefined = bound;

/** Why there are no native calls here; '' when there are. */
export function ffiUnavailableReason(): string {
  return unavailable;
}

/** The bindings, for code that is only reached when they exist. */
export function requireLibc(): Libc {
  if (libc === undefined) throw new TransportError('ENOSYS', unavailable);
  return libc;
}

/** The error number of the call that just failed on this thread. */
export function errno(): number {
  return koffi === undefined ? 0 : koffi.errno();
}

/** Native address of byte 0 of a shared buffer, or 0 without FFI. Stable while the buffer lives. */
export function addressOf(buffer: SharedArrayBuffer): number {
  if (koffi === undefined || buffer.byteLength === 0) return 0;
  return Number(koffi.address(new Uint8Array(buffer)));
}

/** Native memory (a mapping of the kernel's) as an ArrayBuffer. It must be unmapped after last use. */
export function viewOf(address: number, length: number): ArrayBuffer {
  if (koffi === undefined) throw new TransportError('ENOSYS', unavailable);
  return koffi.view(address, length);
}

/** Maps memory; throws TransportError. */
export function mapMemory(length: number, flags: number, descriptor: number, offset: number) {
  const PROT_READ_WRITE = 3;
  const address = Number(requireLibc().mmap(0, length, PROT_READ_WRITE, flags, descriptor, offset));
  if (address > Number.MAX_SAFE_INTEGER) throw systemError(errno(), 'mmap');
  return address;
}

/** EADDRINUSE for 98 and so on. */
export function errorName(code: number): string {
  try {
    return getSystemErrorName(-code);
  } catch {
    return `E${code}`;
  }
}

export function systemError(code: number, what: string): TransportError {
  const name = errorName(code);
  return new TransportError(name, `${what}: ${name}`);
}
