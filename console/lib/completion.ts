/**
 * Completion of the command line, from COMMAND DOCS: names of commands and subcommands, and what comes
 * after a name.
 */
import { listOf, mapOf, plainText, type Reply } from './reply.js';

export interface CommandDoc {
  /** 'CONFIG GET' */
  readonly name: string;
  readonly summary: string;
  /** 'key value [NX | XX] [GET]' */
  readonly syntax: string;
  readonly since: string;
  readonly complexity: string;
}

/** @param docs the reply of COMMAND DOCS */
export function readCommandDocs(docs: Reply): CommandDoc[] {
  const found: CommandDoc[] = [];
  for (const [name, doc] of mapOf(docs)) {
    const fields = mapOf(doc);
    const subcommands = mapOf(fields.get('subcommands'));
    if (subcommands.size === 0) found.push(docOf(name, fields));
    for (const [subname, subdoc] of subcommands) found.push(docOf(subname, mapOf(subdoc)));
  }
  return found.sort((one, other) => (one.name < other.name ? -1 : 1));
}

function docOf(name: string, fields: ReadonlyMap<string, Reply>): CommandDoc {
  return {
    name: name.replaceAll('|', ' ').toUpperCase(),
    summary: plainText(fields.get('summary')),
    syntax: listOf(fields.get('arguments') ?? null)
      .map(argumentSyntax)
      .join(' '),
    since: plainText(fields.get('since')),
    complexity: plainText(fields.get('complexity')),
  };
}

function argumentSyntax(argument: Reply): string {
  const fields = mapOf(argument);
  const flags = listOf(fields.get('flags') ?? null).map(plainText);
  const token = plainText(fields.get('token'));
  const type = plainText(fields.get('type'));
  const inner = listOf(fields.get('arguments') ?? null).map(argumentSyntax);
  let value = '';
  if (type === 'oneof') value = inner.join(' | ');
  else if (type === 'block') value = inner.join(' ');
  else if (type !== 'pure-token') value = plainText(fields.get('name'));
  const isOptional = flags.includes('optional');
  const grouped = type === 'oneof' && !isOptional ? `<${value}>` : value;
  const once = [token, grouped].filter((part) => part !== '').join(' ');
  const repeated = flags.includes('multiple_token') || token === '' ? once : grouped;
  const text = flags.includes('multiple') ? `${once} [${repeated} ...]` : once;
  return isOptional ? `[${text}]` : text;
}

/**
 * The command that a line begins with; the longest name wins.
 * @param docs sorted by name
 */
export function commandOf(docs: readonly CommandDoc[], line: string): CommandDoc | undefined {
  const words = line.trim().toUpperCase().split(/\s+/);
  const [one, two] = [words[0] ?? '', words.slice(0, 2).join(' ')];
  return docs.find(({ name }) => name === two) ?? docs.find(({ name }) => name === one);
}

/** The commands whose names begin as the line does, while it has no more than a name. */
export function completions(docs: readonly CommandDoc[], line: string, most: number): CommandDoc[] {
  const start = line.trimStart().toUpperCase().replace(/\s+/g, ' ');
  if (start === '') return [];
  return docs.filter(({ name }) => name.startsWith(start)).slice(0, most);
}
