/**
 * `darter --compare ADDRESS ADDRESS [--sample N]`: whether two servers, of any kind that speaks the Redis
 * protocol, hold the same data. They may be in use. The exit code is 0 when nothing differs, 1 when
 * something does, 2 when they cannot be compared.
 */

import { Comparison } from './comparison.js';
import { type Address, Connection } from './connection.js';

const PAUSE_MS = 1000;
const DEFAULT_PORT = 6379;

const USAGE = `Usage: darter --compare address address [--sample N]

Compares the keys of two running servers: all of them, or about N drawn at random from both.
An address is host, host:port, or redis://[user]:password@host:port. Without a password
it takes that of REDISCLI_AUTH, as redis-cli does.
`;

/**
 * @param argv the arguments after --compare
 * @param pauseMs between two readings of what differs
 * @returns the exit code
 */
export async function compareServers(
  argv: readonly string[],
  write: (text: string) => void,
  pauseMs = PAUSE_MS,
): Promise<number> {
  const order = orderOf(argv);
  if (order === null) {
    write(USAGE);
    return 2;
  }
  const connections: Connection[] = [];
  try {
    for (const address of order.addresses) connections.push(await Connection.open(address));
    const [one, other] = connections as [Connection, Connection];
    write(`Comparing ${await nameOf(one)} with ${await nameOf(other)}\n`);
    const print = (line: string) => write(`${line}\n`);
    const comparison = new Comparison(one, other, {
      sample: order.sample,
      pauseMs,
      print,
    });
    const { compared, different, busy, unknown } = await comparison.run();
    write(`${compared} keys compared: ${different} differences`);
    write(busy > 0 ? `, ${busy} change all the time` : '');
    write(unknown > 0 ? `, ${unknown} cannot be compared\n` : '\n');
    return different + busy + unknown > 0 ? 1 : 0;
  } catch (error) {
    write(`They cannot be compared: ${error instanceof Error ? error.message : error}\n`);
    return 2;
  } finally {
    for (const connection of connections) connection.close();
  }
}

function orderOf(argv: readonly string[]): { addresses: Address[]; sample: number } | null {
  const addresses: Address[] = [];
  let sample = 0;
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i]!;
    if (word === '--sample') {
      sample = Number(argv[++i]);
      if (!Number.isSafeInteger(sample) || sample < 1) return null;
      continue;
    }
    const address = addressOf(word);
    if (address === null) return null;
    addresses.push(address);
  }
  return addresses.length === 2 ? { addresses, sample } : null;
}

function addressOf(text: string): Address | null {
  if (text.startsWith('-')) return null;
  try {
    const url = new URL(text.includes('://') ? text : `redis://${text}`);
    if (url.protocol !== 'redis:' || url.hostname === '') return null;
    return {
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port === '' ? DEFAULT_PORT : Number(url.port),
      user: decodeURIComponent(url.username),
      password: decodeURIComponent(url.password),
      otherwise: process.env.REDISCLI_AUTH ?? '',
    };
  } catch {
    return null;
  }
}

/** Address, kind and version. */
async function nameOf(server: Connection): Promise<string> {
  const text = String(await server.demand('INFO', 'server'));
  const version = (name: string) => new RegExp(`^${name}_version:(\\S+)`, 'm').exec(text)?.[1];
  for (const kind of ['darter', 'valkey', 'redis']) {
    const found = version(kind);
    if (found !== undefined) return `${server.name} (${kind} ${found})`;
  }
  return server.name;
}
