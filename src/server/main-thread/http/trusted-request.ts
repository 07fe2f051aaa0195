/**
 * Who may ask for more than figures. A browser sends requests for any page that it shows, so a page from
 * elsewhere can reach a server on loopback. Two checks keep it out:
 *
 *   DNS rebinding      the page's own name resolves to this machine: the Host header has that name. Allowed
 *                      are addresses, localhost, this machine's name and the names in metrics-bind.
 *   other sites        the browser says where a request comes from (Origin, Sec-Fetch-Site). Allowed are this
 *                      origin, and links that somebody follows.
 *
 * There is no CORS: no page from elsewhere can read an answer.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';

/** `name`, `name:port` or `[address]:port`; null for what is none of these. */
function hostName(header: string): string | null {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]\s]+))(?::\d{1,5})?$/i.exec(header);
  return match === null ? null : (match[1] ?? match[2]!).toLowerCase();
}

function isTrustedHost(header: string, names: readonly string[]): boolean {
  const name = hostName(header);
  if (name === null) return false;
  return isIP(name) !== 0 || name === 'localhost' || names.includes(name);
}

/** Whether the browser, if it is one, says that this origin asks, or that somebody follows a link. */
function comesFromHere(headers: IncomingHttpHeaders, method: string): boolean {
  const { origin, host } = headers;
  // Behind a proxy with TLS the page is https.
  const isOwn = origin === `http://${host}` || origin === `https://${host}`;
  if (origin !== undefined && !isOwn) return false;
  const site = headers['sec-fetch-site'];
  if (site === undefined || site === 'same-origin' || site === 'none') return true;
  const isLink =
    headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
  return isLink && method !== 'POST';
}

/**
 * @param names that this server is known by, in lower case
 * @returns why the request is refused, or null
 */
export function whyUntrusted(
  headers: IncomingHttpHeaders,
  method: string,
  names: readonly string[],
): string | null {
  if (!isTrustedHost(headers.host ?? '', names)) {
    return 'This name is not one of the server: use its address, or a name in metrics-bind';
  }
  return comesFromHere(headers, method) ? null : 'Requests of other sites are refused';
}
