/** The addresses that clients connect to. */
import type { EmbeddedAddress } from '../channel/embedding.js';

/** What stands for "all addresses", and the one to connect to. */
const ALL: Readonly<Record<string, string>> = {
  '*': '127.0.0.1',
  '0.0.0.0': '127.0.0.1',
  '::*': '::1',
  '::': '::1',
};

/** The first address that the server listens on; '' without one. */
export function hostOf(address: EmbeddedAddress | null): string {
  const first = address?.hosts[0] ?? '';
  return ALL[first] ?? first;
}

export function urlOf(address: EmbeddedAddress | null): string {
  if (address === null) return '';
  const { port, tlsPort, socketPath, password } = address;
  if (port === 0 && tlsPort === 0) return socketPath === '' ? '' : `unix://${socketPath}`;
  const host = hostOf(address);
  const place = `${host.includes(':') ? `[${host}]` : host}:${port || tlsPort}`;
  const secret = password === '' ? '' : `:${encodeURIComponent(password)}@`;
  return `${port === 0 ? 'rediss' : 'redis'}://${secret}${place}`;
}
