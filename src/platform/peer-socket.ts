/**
 * A connection to another server, in Node's event loop: plain, or with TLS.
 *
 * The authority is checked, the name in the certificate is not, as in Redis: replicas know their primary
 * by whatever address they were given.
 */
import { connect as connectPlain, type OnReadOpts, type Socket } from 'node:net';
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
  { host, port, tls }: PeerAddress,
  connected: () => void,
  read?: ReadInPlace,
): Socket {
  const onread = read === undefined ? {} : { onread: read as unknown as OnReadOpts };
  const address = { host, port, noDelay: true, ...onread };
  if (tls === null) return connectPlain(address, connected);
  const options: ConnectionOptions = {
    ...(address as ConnectionOptions),
    ...tls,
    ca: tls.ca === undefined ? undefined : [...tls.ca],
    checkServerIdentity: () => undefined,
  };
  return connectTls(options, connected).setNoDelay(true);
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
