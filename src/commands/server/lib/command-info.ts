/** One command as COMMAND INFO shows it: ten fields. */
import type { CommandEntry, Context } from '../../contract/context.js';
import { isContainerDefinition, type KeySpecification } from '../../contract/definition.js';

type Reply = Context['reply'];

export function replyInfo(reply: Reply, entry: CommandEntry): void {
  const { definition } = entry;
  const container = isContainerDefinition(definition);
  reply.array(10);
  reply.bulkText(entry.fullName);
  reply.integer(definition.arity);
  // Redis keeps this one to itself.
  replyWords(
    reply,
    definition.flags.filter((flag) => flag !== 'may_replicate'),
  );
  reply.integer(entry.firstKey);
  reply.integer(entry.lastKey);
  reply.integer(entry.keyStep);
  replyWords(
    reply,
    entry.categories.map((category) => `@${category}`),
  );
  const tips = container ? [] : (definition.tips ?? []);
  reply.set(tips.length);
  for (const tip of tips) reply.bulkText(tip);
  const keys = container ? [] : (definition.keys ?? []);
  reply.set(keys.length);
  for (const key of keys) replyKeySpecification(reply, key);
  reply.set(entry.subcommands.size);
  for (const subcommand of entry.subcommands.values()) replyInfo(reply, subcommand);
}

function replyWords(reply: Reply, words: readonly string[]): void {
  reply.set(words.length);
  for (const word of words) reply.simple(word);
}

function replyKeySpecification(reply: Reply, specification: KeySpecification): void {
  const { notes, flags, begin, find } = specification;
  reply.map(notes === undefined ? 3 : 4);
  if (notes !== undefined) {
    reply.bulkText('notes');
    reply.bulkText(notes);
  }
  reply.bulkText('flags');
  replyWords(reply, flags);
  reply.bulkText('begin_search');
  if ('index' in begin) replyStep(reply, 'index', [['index', begin.index]]);
  else if ('addTo' in begin) replyStep(reply, 'unknown', []);
  else {
    replyStep(reply, 'keyword', [
      ['keyword', begin.keyword],
      ['startfrom', begin.startFrom],
    ]);
  }
  reply.bulkText('find_keys');
  if ('last' in find) {
    replyStep(reply, 'range', [
      ['lastkey', find.last],
      ['keystep', find.step],
      ['limit', find.limit],
    ]);
  } else if ('isUnknown' in find) replyStep(reply, 'unknown', []);
  else {
    replyStep(reply, 'keynum', [
      ['keynumidx', find.keyCountIndex],
      ['firstkey', find.firstKey],
      ['keystep', find.step],
    ]);
  }
}

function replyStep(
  reply: Reply,
  type: string,
  fields: readonly (readonly [name: string, value: string | number])[],
): void {
  reply.map(2);
  reply.bulkText('type');
  reply.bulkText(type);
  reply.bulkText('spec');
  reply.map(fields.length);
  for (const [name, value] of fields) {
    reply.bulkText(name);
    if (typeof value === 'number') reply.integer(value);
    else reply.bulkText(value);
  }
}
