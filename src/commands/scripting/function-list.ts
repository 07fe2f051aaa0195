/** FUNCTION LIST: the libraries, their functions, and on request their code. */
import { Region } from '../../base/region.js';
import { ErrorReply } from '../../protocol/errors.js';
import { matchGlob } from '../../protocol/glob.js';
import { argumentIs } from '../../protocol/text.js';
import type { Context } from '../contract/context.js';
import type { CommandDefinition } from '../contract/definition.js';
import type { LibraryDescription } from '../contract/server-port.js';

const NO_PATTERN = new ErrorReply('ERR library name argument was not given');

interface Options {
  withCode: boolean;
  /** Index of the argument that is the pattern, 0 for none. */
  pattern: number;
}

/** @returns the error, or null */
function readOptions(context: Context, options: Options): ErrorReply | null {
  const { args } = context;
  for (let i = 2; i < args.count; i++) {
    if (!options.withCode && argumentIs(args, i, 'WITHCODE')) {
      options.withCode = true;
    } else if (options.pattern === 0 && argumentIs(args, i, 'LIBRARYNAME')) {
      if (++i === args.count) return NO_PATTERN;
      options.pattern = i;
    } else return new ErrorReply(`ERR Unknown argument ${context.text(i)}`);
  }
  return null;
}

function matches({ args }: Context, pattern: number, name: string): boolean {
  if (pattern === 0) return true;
  const region = new Region(new SharedArrayBuffer((name.length + 8) & ~7), 0);
  region.bytes.set(Buffer.from(name, 'latin1'));
  const at = args.offset[pattern]!;
  return matchGlob(args.region, at, args.length[pattern]!, region, 0, name.length, true);
}

function replyLibrary({ reply }: Context, library: LibraryDescription, withCode: boolean): void {
  reply.map(withCode ? 4 : 3);
  reply.bulkBinary('library_name');
  reply.bulkBinary(library.name);
  reply.bulkBinary('engine');
  reply.bulkBinary('LUA');
  reply.bulkBinary('functions');
  reply.array(library.functions.length);
  for (const { name, description, flags } of library.functions) {
    reply.map(3);
    reply.bulkBinary('name');
    reply.bulkBinary(name);
    reply.bulkBinary('description');
    if (description === undefined) reply.nullBulk();
    else reply.bulkBinary(description);
    reply.bulkBinary('flags');
    reply.set(flags.length);
    for (const flag of flags) reply.simple(flag);
  }
  if (!withCode) return;
  reply.bulkBinary('library_code');
  reply.bulkBinary(library.code);
}

export const functionList: CommandDefinition = {
  name: 'function|list',
  summary: 'Lists libraries and their functions',
  since: '7.0.0',
  group: 'scripting',
  complexity: 'O(N) where N is the number of functions',
  arity: -2,
  flags: ['noscript'],
  tips: ['nondeterministic_output_order'],
  arguments: [
    {
      name: 'library-name-pattern',
      type: 'string',
      token: 'LIBRARYNAME',
      flags: ['optional'],
    },
    { name: 'withcode', type: 'pure-token', token: 'WITHCODE', flags: ['optional'] },
  ],
  run(context) {
    const options: Options = { withCode: false, pattern: 0 };
    const error = readOptions(context, options);
    if (error !== null) {
      context.reply.error(error);
      return;
    }
    const libraries = context.server.functions
      .list()
      .filter(({ name }) => matches(context, options.pattern, name));
    context.reply.array(libraries.length);
    for (const library of libraries) replyLibrary(context, library, options.withCode);
  },
};
