/**
 * How two replies to one command are compared: exactly, unless the command is in the table below,
 * and then with a reason. Errors are always compared exactly, but where replies are skipped.
 */

import { isList, type Reply } from '../support/reply.js';
import { isIntended } from './intended-differences.js';

export type Comparison =
  /** Same types, same bytes. */
  | 'exact'
  /** Same items in any order, at any depth. */
  | 'unordered'
  /** Integers at most this far apart, when both are positive: times left and the like. */
  | 'within a minute'
  | 'within a minute of milliseconds'
  /** Lists of as many items, else the same type. */
  | 'length'
  /** Same type only. */
  | 'type'
  /** Exactly, but for times, and for how the entries of a stream are stored. */
  | 'but for times'
  /** A whole iteration in one SCAN compares as a set; part of one by type. */
  | 'scan';

const comparisons: Readonly<Record<string, Comparison>> = {
  ttl: 'within a minute',
  expiretime: 'within a minute',
  pttl: 'within a minute of milliseconds',
  pexpiretime: 'within a minute of milliseconds',
  'object idletime': 'within a minute',
  keys: 'unordered',
  'config get': 'unordered',
  hello: 'unordered',
  scan: 'scan',
  hscan: 'scan',
  hgetall: 'unordered',
  hkeys: 'unordered',
  hvals: 'unordered',
  hrandfield: 'type',
  sscan: 'scan',
  smembers: 'unordered',
  sinter: 'unordered',
  sunion: 'unordered',
  sdiff: 'unordered',
  spop: 'unordered',
  srandmember: 'length',
  zscan: 'scan',
  zrandmember: 'length',
  xpending: 'but for times',
  'xinfo stream': 'but for times',
  'xinfo consumers': 'but for times',
  randomkey: 'type',
  time: 'type',
  command: 'type',
  'command count': 'type',
  'client id': 'type',
  'client info': 'type',
  'client list': 'type',
  // Help is worded by each server in its own way.
  'client help': 'type',
  'command help': 'type',
  'config help': 'type',
  'object help': 'type',
  'xgroup help': 'type',
  'xinfo help': 'type',
};
/** So far may two servers be apart that go through a sequence at their own pace; random times are hours. */
export const TIMES_APART_MS = 60_000;

export function comparisonOf(args: readonly string[]): Comparison {
  const name = (args[0] ?? '').toLowerCase();
  const both = `${name} ${(args[1] ?? '').toLowerCase()}`;
  if (name === 'command' && args.length > 1) return comparisons[both] ?? 'exact';
  return comparisons[both] ?? comparisons[name] ?? 'exact';
}

export function repliesAgree(args: readonly string[], ours: Reply, theirs: Reply): boolean {
  if (ours.type === 'error' || theirs.type === 'error') {
    return areSame(ours, theirs) || isIntended(args, ours, theirs);
  }
  return agree(args, ours, theirs) || isIntended(args, ours, theirs);
}

function agree(args: readonly string[], ours: Reply, theirs: Reply): boolean {
  switch (comparisonOf(args)) {
    case 'exact':
      return areSame(ours, theirs);
    case 'unordered':
      return unorderedKey(ours) === unorderedKey(theirs);
    case 'within a minute':
      return near(ours, theirs, TIMES_APART_MS / 1000);
    case 'within a minute of milliseconds':
      return near(ours, theirs, TIMES_APART_MS);
    case 'length':
      return ours.type === theirs.type && lengthOf(ours) === lengthOf(theirs);
    case 'type':
      return ours.type === theirs.type;
    case 'but for times':
      return timelessKey(ours) === timelessKey(theirs);
    case 'scan':
      return scansAgree(args, ours, theirs);
  }
}

/** Types and bytes. */
function areSame(one: Reply, other: Reply): boolean {
  if (one.type !== other.type) return false;
  if (!isList(one) || !isList(other))
    return 'text' in other && 'text' in one && one.text === other.text;
  const { items } = other;
  return (
    one.items.length === items.length && one.items.every((item, i) => areSame(item, items[i]!))
  );
}

/** Equal exactly when the replies are: types and bytes. */
export function replyKey(reply: Reply): string {
  if (!isList(reply)) return `${reply.type}:${reply.text.length}:${reply.text}`;
  return `${reply.type}(${reply.items.map(replyKey).join('')})`;
}

export function unorderedKey(reply: Reply): string {
  if (!isList(reply)) return replyKey(reply);
  const items = reply.items.map(unorderedKey);
  if (reply.type !== 'map') return `${reply.type}(${items.sort().join('')})`;
  const pairs: string[] = [];
  for (let i = 0; i < items.length; i += 2) pairs.push(`${items[i]}=${items[i + 1]}`);
  return `map(${pairs.sort().join('')})`;
}

const skippedFields = new Set(['idle', 'seen-time', 'radix-tree-keys', 'radix-tree-nodes']);

/** As replyKey, without the times of pending entries and consumers. */
function timelessKey(reply: Reply): string {
  if (!isList(reply)) return replyKey(reply);
  const { items } = reply;
  const isPending = items.length >= 3 && items.slice(-2).every((each) => each.type === 'integer');
  const keys = items.map((item, i) => {
    const before = items[i - 1];
    const isTime = isPending && i === items.length - 2;
    const isSkipped = before !== undefined && !isList(before) && skippedFields.has(before.text);
    return isTime || isSkipped ? item.type : timelessKey(item);
  });
  return `${reply.type}(${keys.join('')})`;
}

function near(ours: Reply, theirs: Reply, distance: number): boolean {
  if (ours.type !== 'integer' || theirs.type !== 'integer') {
    return areSame(ours, theirs);
  }
  if (ours.text === theirs.text) return true;
  const [a, b] = [Number(ours.text), Number(theirs.text)];
  return a >= 0 && b >= 0 && Math.abs(a - b) <= distance;
}

function lengthOf(reply: Reply): number {
  return isList(reply) ? reply.items.length : 0;
}

function scansAgree(args: readonly string[], ours: Reply, theirs: Reply): boolean {
  if (areSame(ours, theirs)) return true;
  const last = args.length - 1;
  // The scans of collections have the key first.
  const cursor = args[(args[0] ?? '').length === 'SCAN'.length ? 1 : 2];
  const whole = cursor === '0' && args[last] === '1000000' && /^count$/i.test(args[last - 1] ?? '');
  if (whole) return unorderedKey(ours) === unorderedKey(theirs);
  return ours.type === theirs.type && isList(ours) && ours.items.length === 2;
}
