/** docs/commands.md is what the definitions say. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { REDIS_COMMANDS } from '../scripts/redis-commands.js';
import { docsFile, renderCommandDocs } from '../scripts/write-command-docs.js';
import { commandModules } from '../src/commands/index.generated.js';
import { definitionsOf } from '../src/engine/definitions.js';

/** Commands that Redis does not have. */
const OWN: readonly string[] = [
  'darter',
  'darter|sync',
  'darter|flow',
  'darter|handover',
  'darter|demote',
  'darter|chain',
  'darter|takeover',
  'darter|part',
  'repltakeover',
];

test('docs/commands.md is up to date: otherwise run npm run docs', () => {
  assert.equal(readFileSync(docsFile, 'utf8'), renderCommandDocs());
});

test('every command is one of Redis, in its group', () => {
  const groups = new Map(
    REDIS_COMMANDS.flatMap(([group, names]) => names.split(' ').map((name) => [name, group])),
  );
  for (const { name, group } of definitionsOf(commandModules)) {
    if (!OWN.includes(name)) assert.equal(groups.get(name), group, name);
  }
});
