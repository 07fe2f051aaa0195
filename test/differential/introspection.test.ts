/** COMMAND in all its forms, for the commands that both servers have. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { RawClient } from '../support/client.js';
import { isList, type Reply, showReply, textOf } from '../support/reply.js';
import { eitherMissing, type Server, startDarter, startRedis } from '../support/server.js';
import { unorderedKey } from './comparison.js';

/** Commands with more arguments than Redis 7.0 knows: WITHSCORE came with 7.2. */
const WITH_NEWER_ARITY: readonly string[] = ['zrank', 'zrevrank'];
const ARITY_FIELD = 1;

describe('COMMAND', { skip: eitherMissing() }, () => {
  let servers: [Server, Server];
  let ours: RawClient;
  let theirs: RawClient;
  let common: string[] = [];

  before(async () => {
    servers = await Promise.all([startDarter(), startRedis()]);
    [ours, theirs] = await Promise.all([servers[0].client(), servers[1].client()]);
    await Promise.all([ours.command('HELLO', '3'), theirs.command('HELLO', '3')]);
    const known = new Set(await list(theirs));
    common = (await list(ours)).filter((name) => known.has(name)).sort();
  });
  after(async () => {
    await Promise.all([ours.close(), theirs.close()]);
    await Promise.all(servers.map((server) => server.stop()));
  });

  async function list(client: RawClient, ...filter: string[]): Promise<string[]> {
    const reply = await client.command('COMMAND', 'LIST', ...filter);
    assert.ok(isList(reply), showReply(reply));
    return reply.items.map(textOf);
  }

  test('the strings, keys, connection and server commands are there', () => {
    for (const name of ['get', 'set', 'lcs', 'bitfield', 'copy', 'expire', 'multi', 'client']) {
      assert.ok(common.includes(name), name);
    }
    assert.ok(common.length >= 80, `${common.length} commands`);
  });

  test('COUNT agrees with LIST', async () => {
    const count = await ours.command('COMMAND', 'COUNT');
    const commands = (await list(ours)).filter((name) => !name.includes('|'));
    assert.equal(textOf(count), String(commands.length));
  });

  test('INFO is the same for every command', async () => {
    const differences: string[] = [];
    const ask = common.map((name) => ['COMMAND', 'INFO', name]);
    const [own, their] = await Promise.all([ours.pipeline(ask), theirs.pipeline(ask)]);
    common.forEach((name, i) => {
      // A container is compared without the subcommands that only one of the two has.
      const [a, b] = [infoKey(own[i] as Reply), infoKey(their[i] as Reply)];
      if (a !== b) differences.push(`${name}:\n  ours   ${a}\n  theirs ${b}`);
    });
    assert.equal(differences.length, 0, `${differences.length} differ\n${differences.join('\n')}`);
  });

  test('LIST FILTERBY', async () => {
    for (const filter of [
      ['ACLCAT', 'string'],
      ['ACLCAT', 'fast'],
      ['ACLCAT', 'dangerous'],
      ['PATTERN', 'set*'],
      ['PATTERN', '*bit*'],
      ['MODULE', 'none'],
    ]) {
      const both = await Promise.all([
        list(ours, 'FILTERBY', ...filter),
        list(theirs, 'FILTERBY', ...filter),
      ]);
      const [own, their] = both.map((names) =>
        names.filter((name) => common.includes(name)).sort(),
      );
      assert.deepEqual(own, their, filter.join(' '));
    }
  });

  test('DOCS tells the same group and version', async () => {
    for (const name of common) {
      const [own, their] = await Promise.all(
        [ours, theirs].map((client) => client.command('COMMAND', 'DOCS', name)),
      );
      for (const field of ['since', 'group']) {
        assert.equal(docsField(own as Reply, field), docsField(their as Reply, field), name);
      }
    }
  });
});

/** Name, arity, flags, keys, categories, tips and key specifications, without subcommands. */
function infoKey(reply: Reply): string {
  const info = isList(reply) ? reply.items[0] : undefined;
  if (info === undefined || !isList(info)) return showReply(reply);
  const isNewer = WITH_NEWER_ARITY.includes(textOf(info.items[0]!));
  const items = info.items.slice(0, 9).filter((_, i) => !isNewer || i !== ARITY_FIELD);
  return items.map(withoutNotes).map(unorderedKey).join(' ');
}

/** Key specifications without their notes: sentences, which are our own. */
function withoutNotes(reply: Reply): Reply {
  if (!isList(reply)) return reply;
  const at = reply.items.findIndex((item) => textOf(item) === 'notes');
  const kept = reply.items.filter((_, index) => at < 0 || (index !== at && index !== at + 1));
  return { ...reply, items: kept.map(withoutNotes) };
}

function docsField(reply: Reply, field: string): string | undefined {
  const docs = isList(reply) ? reply.items[1] : undefined;
  if (docs === undefined || !isList(docs)) return undefined;
  const place = docs.items.findIndex((item) => textOf(item) === field);
  return place < 0 ? undefined : textOf(docs.items[place + 1] as Reply);
}
