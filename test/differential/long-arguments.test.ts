/**
 * Arguments of 100 KiB and of 1 MiB where most have a few bytes: rules and names of users, values of
 * directives, words that an error quotes, names of libraries and of consumer groups.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RawClient } from '../support/client.js';
import { type Reply, showReply } from '../support/reply.js';
import { eitherMissing, type Server, startDarter, startRedis } from '../support/server.js';
import { unorderedKey } from './comparison.js';

const SIZES = { '100 KiB': 100 * 1024, '1 MiB': 1024 * 1024 };
const LIBRARY = 'redis.register_function("f",function() return 1 end)';

/** Rules that make a user, change one, or are refused, and who uses them. */
function users(long: string): string[][] {
  const rules = ['~', '&', '+', '+@', '-get|', '+get|', '>', '<', '<other', '#', '!', '%R~', '(~'];
  return [
    ...rules.map((rule) => ['ACL', 'SETUSER', 'u', `${rule}${long}`]),
    ['ACL', 'SETUSER', 'u', `(~${long})`],
    ['ACL', 'SETUSER', 'u', `(${long})`],
    ['ACL', 'SETUSER', 'u', long],
    ['ACL', 'SETUSER', 'u', 'on', '>p', '+@all', `~k${long}`],
    ['ACL', 'GETUSER', 'u'],
    ['ACL', 'LIST'],
    ['ACL', 'DRYRUN', 'u', 'get', long],
    ['ACL', 'DRYRUN', 'u', 'get', `n${long}`],
    ['ACL', 'DRYRUN', 'default', long, 'x'],
    ['AUTH', 'u', long],
    ['ACL', 'SETUSER', long, 'on'],
    ['ACL', 'SETUSER', `${long} x`, 'on'],
    ['ACL', 'USERS'],
    ['ACL', 'GETUSER', long],
    ['ACL', 'DELUSER', long, 'u'],
    ['ACL', 'DRYRUN', long, 'get', 'x'],
  ];
}

function directives(long: string): string[][] {
  const refused = [
    ...['maxmemory', 'maxmemory-policy', 'appendonly', 'save', 'dir', 'dbfilename', 'hz', 'bind'],
    ...['client-output-buffer-limit', 'oom-score-adj-values', 'logfile', 'databases', 'port'],
    ...['list-max-listpack-size', 'maxclients', 'loglevel', 'latency-tracking-info-percentiles'],
  ];
  const taken = ['requirepass', 'masterauth', 'masteruser', 'replica-announce-ip'];
  return [
    ...refused.map((name) => ['CONFIG', 'SET', name, long]),
    ...taken.flatMap((name) => [
      ['CONFIG', 'SET', name, long],
      ['CONFIG', 'GET', name],
      ['CONFIG', 'SET', name, ''],
    ]),
    ['CONFIG', 'SET', 'maxmemory', long.replace(/x/g, '9')],
    ['CONFIG', 'SET', 'notify-keyspace-events', long.replace(/x/g, 'g')],
    ['CONFIG', 'GET', 'notify-keyspace-events'],
    ['CONFIG', 'SET', 'notify-keyspace-events', ''],
    ['CONFIG', 'SET', long, '1'],
    ['CONFIG', 'GET', long, 'maxmemory'],
    ['CONFIG', 'GET', `maxm${long.replace(/x/g, '*')}`],
  ];
}

function groups(long: string): string[][] {
  return [
    ['XADD', 's', '1-1', 'a', 'b'],
    ['XREADGROUP', 'GROUP', long, 'c', 'STREAMS', 's', '>'],
    ['XREADGROUP', 'GROUP', long, 'c', 'STREAMS', long, '>'],
    ['XREADGROUP', 'GROUP', 'g', 'c', 'STREAMS', long, '>'],
    ['XPENDING', 's', long],
    ['XPENDING', long, long],
    ['XCLAIM', long, long, 'c', '0', '1-1'],
    ['XAUTOCLAIM', 's', long, 'c', '0', '0'],
    ['XINFO', 'CONSUMERS', 's', long],
    ['XGROUP', 'SETID', 's', long, '0'],
    ['XGROUP', 'DELCONSUMER', 's', long, 'c'],
    ['XGROUP', 'CREATECONSUMER', 's', long, 'c'],
    ['XGROUP', 'CREATE', 's', 'g', '0'],
    ['XCLAIM', 's', 'g', 'c', '0', '1-1', long],
  ];
}

function others(long: string): string[][] {
  // The first line of a script has its own bound.
  const line = long.slice(0, 1_000_000);
  return [
    ['INFO', long],
    ['COMMAND', 'DOCS', long],
    ['COMMAND', 'INFO', long],
    ['COMMAND', 'LIST', 'FILTERBY', 'PATTERN', `ge${long.replace(/x/g, '*')}`],
    ['LATENCY', 'HISTOGRAM', long],
    ['LATENCY', 'RESET', long],
    ['FUNCTION', 'LIST', long],
    ['FUNCTION', 'LOAD', long, long],
    ['FUNCTION', 'LOAD', `#!lua name=a${line}\n${LIBRARY}`],
    ['FUNCTION', 'LIST', 'LIBRARYNAME', `a${line}`],
    ['FUNCTION', 'DELETE', `a${line}`],
    ['FUNCTION', 'LOAD', `#!${line} name=a\nx`],
    ['FUNCTION', 'LOAD', `#!lua name=${line}\nreturn 1`],
    ['EVAL', `#!lua flags=${line}\nreturn 1`, '0'],
    ['EVAL', `#!lua ${line}\nreturn 1`, '0'],
    ['EVAL', `#!${line}\nreturn 1`, '0'],
  ];
}

const UNORDERED = /^(?:CONFIG GET|COMMAND LIST)/;

function keyOf(command: readonly string[], reply: Reply): string {
  if (UNORDERED.test(command.join(' '))) return unorderedKey(reply);
  return showReply(reply, 1 << 24);
}

async function compare(own: RawClient, other: RawClient, command: readonly string[]) {
  const [ours, theirs] = await Promise.all([own.command(...command), other.command(...command)]);
  const [got, wanted] = [keyOf(command, ours), keyOf(command, theirs)];
  if (got === wanted) return;
  const shown = command.map((word) => (word.length > 40 ? `${word.slice(0, 12)}...` : word));
  const [start, begin] = [got.slice(0, 200), wanted.slice(0, 200)];
  assert.fail(`${shown.join(' ')}: ${start} (${got.length}), not ${begin} (${wanted.length})`);
}

test('arguments of 100 KiB and 1 MiB are taken, refused and quoted as in Redis', {
  skip: eitherMissing(),
}, async (t) => {
  const servers: Server[] = await Promise.all([startDarter(), startRedis()]);
  t.after(() => Promise.all(servers.map((server) => server.stop())));
  for (const [size, bytes] of Object.entries(SIZES)) {
    const long = 'x'.repeat(bytes);
    for (const list of [users, directives, groups, others]) {
      await t.test(`${list.name} with ${size}`, async () => {
        const [own, other] = await Promise.all(servers.map((server) => server.client()));
        for (const command of list(long)) await compare(own!, other!, command);
        await Promise.all([own!.close(), other!.close()]);
      });
    }
  }
});
