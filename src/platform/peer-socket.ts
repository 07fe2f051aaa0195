/**
 * A connection to another server, in Node's event loop: plain, or with TLS.
 *
 * The authority is checked, the name in the certificate is not, as in Redis: replicas know their primary
 * by whatever address they were given.
 */
import { connect as connectPlain, isIP, isIPv4, type OnReadOpts, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { type ConnectionOptions, connect as connectTls, type SecureVersion } from 'node:tls';

/** Options of node:tls that both ends of a connection have: plain data, as they travel to threads. */
export interface TlsEndOptions {
  readonly cert: string;
  readonly key: string;
  readonly passphrase?: string;
  readonly ca?: readonly string[];
  readonly ciphers?: string;
  readonly minVersion: SecureVersion;
  readonly maxVersion: SecureVersion;
  readonly secureOptions: number;
}

export interface PeerAddress {
  readonly host: string;
  readonly port: number;
  /** Null: no TLS. */
  readonly tls: TlsEndOptions | null;
  /** The address of this machine to connect from, as bind-source-addr says; '' or absent: any. */
  readonly source?: string;
}

/** What arrives is put where these say, and not buffered by Node.js. */
export interface ReadInPlace {
  readonly buffer: () => Uint8Array;
  readonly callback: (length: number, buffer: Uint8Array) => boolean;
}

/**
 * @param connected called when bytes may come: after the handshake
 * @returns the socket; what is written to it before is sent once it is connected
 */
export function connectToPeer(
  { host, port, tls, source = '' }: PeerAddress,
  connected: () => void,
  read?: ReadInPlace,
): Socket {
  const onread = read === undefined ? {} : { onread: read as unknown as OnReadOpts };
  const address = { host, port, noDelay: true, ...sourceOptions(source, host), ...onread };
  if (tls === null) return connectPlain(address, connected);
  const options: ConnectionOptions = {
    ...(address as ConnectionOptions),
    ...tls,
    ca: tls.ca === undefined ? undefined : [...tls.ca],
    checkServerIdentity: () => undefined,
  };
  return connectTls(options, connected).setNoDelay(true);
}

/**
 * Options of node:net that make a connection come from an address. None when this machine does not have it, or
 * the peer's is of the other family: the connection matters more, as to Redis.
 */
export function sourceOptions(
  source: string,
  host: string,
): { readonly localAddress?: string; readonly family?: number } {
  const family = isIP(source);
  const hostFamily = isIP(host);
  if (family === 0 || (hostFamily !== 0 && hostFamily !== family) || !isOfMachine(source))
    return {};
  return { localAddress: source, family };
}

/** All of 127.0.0.0/8 is (but on macOS), though one of it is listed. */
function isOfMachine(source: string): boolean {
  if (isIPv4(source) && source.startsWith('127.') && process.platform !== 'darwin') return true;
  const all = Object.values(networkInterfaces()).flat();
  return all.some((own) => own?.address === source);
}

/** 'address:port' of both ends of a connection. */
export interface SocketAddresses {
  /** Of the peer. */
  readonly address: string;
  readonly localAddress: string;
}

/** Both are '' once it has ended. */
export function addressesOf(socket: Socket): SocketAddresses {
  const { remoteAddress, remotePort, localAddress, localPort } = socket;
  return {
    address: socketName(remoteAddress, remotePort),
    localAddress: socketName(localAddress, localPort),
  };
}

export function socketName(address: string | undefined, port: number | undefined): string {
  if (address === undefined) return '';
  return address.includes(':') && !address.startsWith('::ffff:')
    ? `[${address}]:${port}`
    : `${address.replace('::ffff:', '')}:${port}`;
}
