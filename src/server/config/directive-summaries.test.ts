import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isTest, readSources } from '../../../test/tidy/source.js';
import { DIRECTIVE_SUMMARIES } from './directive-summaries.js';
import { DIRECTIVES } from './directives.js';

test('every directive that has an effect says what it means', () => {
  for (const [name, { isIgnored }] of Object.entries(DIRECTIVES)) {
    if (isIgnored) {
      assert.ok(!DIRECTIVE_SUMMARIES[name], `${name}: it has no effect, and its line says it has`);
      continue;
    }
    assert.ok(DIRECTIVE_SUMMARIES[name], `${name}: write a line in directive-summaries.ts`);
  }
});

test('every directive that nothing reads is declared as ignored, or takes one value only', () => {
  const readers = readSources()
    .filter((file) => file.path.startsWith('src/') && !isTest(file))
    .filter((file) => !/config\/directive(s|-summaries)\.ts$/.test(file.path))
    .map((file) => file.code);
  const isRead = (name: string): boolean => {
    // main.ts puts these two names together from that of the signal.
    const known = name.startsWith('shutdown-on-') ? '`shutdown-on-$' : `'${name}'`;
    return readers.some((code) => code.includes(known));
  };
  for (const [name, { isIgnored, refuse }] of Object.entries(DIRECTIVES)) {
    assert.ok(isIgnored || refuse !== undefined || isRead(name), `${name}: nothing reads it`);
  }
});
