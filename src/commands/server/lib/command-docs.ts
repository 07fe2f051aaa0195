/** One command as COMMAND DOCS shows it: a map of what is known. */
import type { CommandEntry, Context } from '../../contract/context.js';
import {
  type ArgumentSpecification,
  type CommandDefinition,
  isContainerDefinition,
} from '../../contract/definition.js';

type Reply = Context['reply'];

/** A field and the function that writes its value. */
type Field = readonly [name: string, write: () => void];

export function replyDocs(reply: Reply, entry: CommandEntry): void {
  const { definition, subcommands } = entry;
  const text = (name: string, value: string | undefined): Field[] =>
    value === undefined || value === '' ? [] : [[name, () => reply.bulkText(value)]];
  const fields: Field[] = [
    ...text('summary', definition.summary),
    ...text('since', definition.since),
    ...text('group', definition.group),
    ...text('complexity', definition.complexity),
  ];
  if (!isContainerDefinition(definition)) fields.push(...extraFields(reply, definition, text));
  if (subcommands.size > 0) {
    fields.push([
      'subcommands',
      () => {
        reply.map(subcommands.size);
        for (const subcommand of subcommands.values()) {
          reply.bulkText(subcommand.fullName);
          replyDocs(reply, subcommand);
        }
      },
    ]);
  }
  writeFields(reply, fields);
}

function extraFields(
  reply: Reply,
  definition: CommandDefinition,
  text: (name: string, value: string | undefined) => Field[],
): Field[] {
  const { docFlags = [], history = [], arguments: args = [] } = definition;
  const fields: Field[] = [];
  if (docFlags.length > 0) fields.push(['doc_flags', () => writeWords(reply, docFlags)]);
  fields.push(...text('deprecated_since', definition.deprecatedSince));
  fields.push(...text('replaced_by', definition.replacedBy));
  if (history.length > 0) {
    fields.push([
      'history',
      () => {
        reply.set(history.length);
        for (const [version, change] of history) {
          reply.array(2);
          reply.bulkText(version);
          reply.bulkText(change);
        }
      },
    ]);
  }
  if (args.length > 0) fields.push(['arguments', () => writeArguments(reply, args)]);
  return fields;
}

function writeFields(reply: Reply, fields: readonly Field[]): void {
  reply.map(fields.length);
  for (const [name, write] of fields) {
    reply.bulkText(name);
    write();
  }
}

function writeWords(reply: Reply, words: readonly string[]): void {
  reply.set(words.length);
  for (const word of words) reply.simple(word);
}

function writeArguments(reply: Reply, args: readonly ArgumentSpecification[]): void {
  reply.array(args.length);
  for (const argument of args) {
    const { name, type, keySpecIndex, token, summary, since, deprecatedSince } = argument;
    const { flags = [], arguments: inner = [] } = argument;
    const fields: Field[] = [
      ['name', () => reply.bulkText(name)],
      ['type', () => reply.bulkText(type)],
    ];
    if (keySpecIndex !== undefined) {
      fields.push(['key_spec_index', () => reply.integer(keySpecIndex)]);
    }
    const texts = { token, summary, since, deprecated_since: deprecatedSince };
    for (const [field, value] of Object.entries(texts)) {
      if (value !== undefined) fields.push([field, () => reply.bulkText(value)]);
    }
    if (flags.length > 0) fields.push(['flags', () => writeWords(reply, flags)]);
    if (inner.length > 0) fields.push(['arguments', () => writeArguments(reply, inner)]);
    writeFields(reply, fields);
  }
}
