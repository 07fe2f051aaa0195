/**
 * Writes docs/commands.md: every command there is, from the definitions, and every command of
 * Redis 7.2 that is not there yet. `npm run docs`; a test fails when the file is out of date.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CommandGroup } from '../src/commands/contract/definition.js';
import { syntaxOf } from '../src/commands/contract/syntax.js';
import { commandModules } from '../src/commands/index.generated.js';
import { definitionsOf } from '../src/engine/definitions.js';
import { type AnyDefinition, isContainer } from '../src/engine/registry.js';
import { REDIS_COMMANDS } from './redis-commands.js';

const TITLES: Readonly<Record<CommandGroup, string>> = {
  string: 'Strings',
  bitmap: 'Bitmaps',
  generic: 'Keys',
  transactions: 'Transactions',
  connection: 'Connection',
  server: 'Server',
  list: 'Lists',
  hash: 'Hashes',
  set: 'Sets',
  'sorted-set': 'Sorted sets',
  stream: 'Streams',
  pubsub: 'Publish and subscribe',
  scripting: 'Scripts and functions',
  geo: 'Geography',
  hyperloglog: 'HyperLogLog',
  cluster: 'Cluster',
};

const HEAD = `# Commands

Written by \`npm run docs\` from the definitions in src/commands: do not edit. What Darter has is in the
tables; what Redis 7.2 has besides is listed under each. Replies, errors and key specifications are
those of Redis 7.0.15, against which the differential tests run.
`;

export const docsFile = join(
  fileURLToPath(new URL('.', import.meta.url)),
  '..',
  '..',
  'docs',
  'commands.md',
);

/** 'config|get' as people write it. */
function written(name: string): string {
  return name.toUpperCase().replace('|', ' ');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

function row(definition: AnyDefinition): string {
  const syntax = isContainer(definition) ? '' : syntaxOf(definition.arguments);
  const usage = `${written(definition.name)} ${syntax}`.trimEnd();
  return `| \`${cell(usage)}\` | ${definition.since} | ${cell(definition.summary)} |`;
}

function section(
  group: CommandGroup,
  known: readonly string[],
  definitions: ReadonlyMap<string, AnyDefinition>,
): string {
  const own = [...definitions.values()].filter((one) => one.group === group && !isContainer(one));
  const missing = known.filter((name) => !definitions.has(name)).sort();
  // A container that is missing says enough about its subcommands.
  const told = missing.filter(
    (name) => !missing.includes(name.split('|')[0]!) || !name.includes('|'),
  );
  const lines = [`## ${TITLES[group]}`, ''];
  if (own.length > 0) {
    lines.push('| command | since | what it does |', '|---|---|---|');
    lines.push(...own.map(row), '');
  }
  if (told.length > 0) {
    lines.push(`Not there yet: ${told.map((name) => `\`${written(name)}\``).join(', ')}.`, '');
  }
  return lines.join('\n');
}

export function renderCommandDocs(): string {
  const sorted = definitionsOf(commandModules).sort((a, b) => (a.name < b.name ? -1 : 1));
  const definitions = new Map(sorted.map((definition) => [definition.name, definition]));
  const sections = REDIS_COMMANDS.map(([group, names]) =>
    section(group, names.split(' '), definitions),
  );
  return `${HEAD}\n${sections.join('\n').trimEnd()}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(docsFile, renderCommandDocs());
}
