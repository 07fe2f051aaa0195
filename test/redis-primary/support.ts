/** For tests in which a Darter follows a redis-server. */
import assert from 'node:assert/strict';
import { until } from '../replication/support.js';
import type { RawClient } from '../support/client.js';
import { isError, isList, type Reply, textOf } from '../support/reply.js';
import { type Server, startRedis } from '../support/server.js';

const DATABASES = 16;
const DIFFERENCES_SHOWN = 10;
const PENDING_MAX = '100000';

/** What all have: Redis waits five seconds for more replicas before it sends an RDB without a disk. */
const USUAL = [
  ...['--enable-debug-command', 'yes', '--repl-ping-replica-period', '1'],
  ...['--repl-diskless-sync-delay', '0'],
];

/** Sends its RDB without a disk, unless told otherwise. */
export function startPrimary(...args: string[]): Promise<Server> {
  return startRedis({ args: [...USUAL, ...args] });
}

/** The same at a port and in a directory that were used before. */
export function startAgain(port: number, directory: string): Promise<Server> {
  return startRedis({ port, args: [...USUAL, '--dir', directory] });
}

/**
 * Waits until the servers' data are the same, which nobody may be changing. Their digests are, and what a
 * digest does not know: groups of streams, and when something expires. Tells what differs.
 */
export async function sameAsRedis(redis: Server, ...others: Server[]): Promise<void> {
  const servers = [redis, ...others];
  await until('the same data everywhere', async () => {
    // Keys expire meanwhile.
    const [wanted, ...contents] = await Promise.all(servers.map(contentOf));
    const different = contents.flatMap((content) => differences(wanted!, content));
    if (different.length > 0) return different.slice(0, DIFFERENCES_SHOWN).join('\n');
    const digests = await Promise.all(servers.map((server) => server.ask('DEBUG', 'DIGEST')));
    return digests.every((digest) => digest === digests[0]) || digests.join(' ');
  });
}

function differences(one: Map<string, string>, other: Map<string, string>): string[] {
  const different: string[] = [];
  for (const key of new Set([...one.keys(), ...other.keys()])) {
    const [here, there] = [one.get(key), other.get(key)];
    if (here !== there) different.push(`${key}: ${here ?? 'nothing'} and ${there ?? 'nothing'}`);
  }
  return different;
}

/** By database and key: type, time of expiry, a digest of the value, what streams have besides. */
export async function contentOf(server: Server): Promise<Map<string, string>> {
  const client = await server.client();
  const content = new Map<string, string>();
  for (let database = 0; database < DATABASES; database++) {
    await client.text('SELECT', String(database));
    for (const key of wordsOf(await client.command('KEYS', '*'))) {
      content.set(`${database} ${key}`, await describe(client, key));
    }
  }
  await client.close();
  return content;
}

async function describe(client: RawClient, key: string): Promise<string> {
  const [type, time, digest] = (
    await client.pipeline([
      ['TYPE', key],
      ['PEXPIRETIME', key],
      ['DEBUG', 'DIGEST-VALUE', key],
    ])
  ).map(textOf) as [string, string, string];
  const groups = type === 'stream' ? ` ${await describeStream(client, key)}` : '';
  return `${type} ${time} ${digest}${groups}`;
}

async function describeStream(client: RawClient, key: string): Promise<string> {
  const information = await client.command('XINFO', 'STREAM', key);
  // It has expired meanwhile.
  if (isError(information)) return information.text;
  const stream = pairsOf(information);
  const fields = ['length', 'last-generated-id', 'max-deleted-entry-id', 'entries-added', 'groups'];
  const parts = fields.map((field) => stream.get(field));
  const groups = await client.command('XINFO', 'GROUPS', key);
  if (!isList(groups)) return textOf(groups);
  for (const group of groups.items) {
    const name = pairsOf(group).get('name')!;
    const pending = await client.command('XPENDING', key, name, '-', '+', PENDING_MAX);
    parts.push(textOf(group), ...entriesOf(pending));
  }
  return parts.join(' ');
}

/** Pending entries without the time since their delivery. */
function entriesOf(pending: Reply): string[] {
  if (!isList(pending)) return [textOf(pending)];
  return pending.items.map((entry) => {
    const [id, consumer, , deliveries] = wordsOf(entry);
    return `${id} ${consumer} ${deliveries}`;
  });
}

export function wordsOf(reply: Reply): string[] {
  assert.ok(isList(reply), isError(reply) ? reply.text : '');
  return reply.items.map(textOf);
}

function pairsOf(reply: Reply): Map<string, string> {
  const words = wordsOf(reply);
  return new Map(words.flatMap((word, i) => (i % 2 === 0 ? [[word, words[i + 1]!] as const] : [])));
}

/** Waits until all servers' figures of the stream are what the redis-server's offset is. */
export async function caughtUp(redis: Server, ...replicas: Server[]): Promise<void> {
  for (const replica of replicas) {
    await until('the offset of the primary', async () => {
      const offset = await redis.info('master_repl_offset');
      const reached = await replica.info('slave_repl_offset');
      return Number(reached) >= Number(offset) || `${reached} of ${offset}`;
    });
  }
}
