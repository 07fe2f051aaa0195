/** ACL categories of a command: those it declares and those that follow from group and flags. */
import type { AnyDefinition } from './registry.js';

const CATEGORY_OF_GROUP: Readonly<Record<string, string>> = {
  string: 'string',
  bitmap: 'bitmap',
  generic: 'keyspace',
  transactions: 'transaction',
  connection: 'connection',
  list: 'list',
  hash: 'hash',
  set: 'set',
  'sorted-set': 'sortedset',
  stream: 'stream',
  pubsub: 'pubsub',
  scripting: 'scripting',
  geo: 'geo',
  hyperloglog: 'hyperloglog',
};

/** The order in which Redis lists them. */
const ORDER = [
  'keyspace',
  'read',
  'write',
  'set',
  'sortedset',
  'list',
  'hash',
  'string',
  'bitmap',
  'hyperloglog',
  'geo',
  'stream',
  'pubsub',
  'admin',
  'fast',
  'slow',
  'blocking',
  'dangerous',
  'connection',
  'transaction',
  'scripting',
];

export function categoriesOf(definition: AnyDefinition): readonly string[] {
  const found = new Set<string>(definition.categories ?? []);
  const flags = definition.flags;
  const ofGroup = CATEGORY_OF_GROUP[definition.group];
  if (ofGroup !== undefined) found.add(ofGroup);
  if (flags.includes('write')) found.add('write');
  if (flags.includes('readonly') && definition.group !== 'scripting') found.add('read');
  if (flags.includes('admin')) found.add('admin').add('dangerous');
  if (flags.includes('pubsub')) found.add('pubsub');
  if (flags.includes('blocking')) found.add('blocking');
  found.add(flags.includes('fast') ? 'fast' : 'slow');
  return ORDER.filter((category) => found.has(category));
}
