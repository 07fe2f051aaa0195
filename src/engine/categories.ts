/** ACL categories of a command: those it declares and those that follow from group and flags. */
import { ACL_CATEGORIES, isContainerDefinition } from '../commands/contract/definition.js';
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
  scripting: 'scripting',
  geo: 'geo',
  hyperloglog: 'hyperloglog',
};

export function categoriesOf(definition: AnyDefinition): readonly string[] {
  const found = new Set<string>(definition.categories ?? []);
  const flags = definition.flags;
  const ofGroup = CATEGORY_OF_GROUP[definition.group];
  // The group of a container, of what is about the connection (WAIT, in group generic) and of what is
  // about certain types (SORT) adds none.
  const isOther =
    isContainerDefinition(definition) || found.has('connection') || found.has('sortedset');
  if (ofGroup !== undefined && !isOther) found.add(ofGroup);
  if (flags.includes('write')) found.add('write');
  if (flags.includes('readonly') && definition.group !== 'scripting') found.add('read');
  if (flags.includes('admin')) found.add('admin').add('dangerous');
  if (flags.includes('pubsub')) found.add('pubsub');
  if (flags.includes('blocking')) found.add('blocking');
  found.add(flags.includes('fast') ? 'fast' : 'slow');
  return ACL_CATEGORIES.filter((category) => found.has(category));
}
