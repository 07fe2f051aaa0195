/** docs/operations.md names texts that the server says. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { rootDirectory } from './support/server.js';

const text = readFileSync(join(rootDirectory, 'docs/operations.md'), 'utf8');

/** All sources in one, with the quotes and plus signs of texts that go over several lines left out. */
function sources(): string {
  const folder = join(rootDirectory, 'src');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return files
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('\n')
    .replace(/['"`] \+\s*['"`]/g, '');
}

test('each symptom is something that the server says', () => {
  const table = text.slice(text.indexOf('| symptom |'));
  const code = sources();
  let found = 0;
  for (const row of table.split('\n').slice(2)) {
    const symptom = row.split('|')[1] ?? '';
    for (const [, quoted] of symptom.matchAll(/`([^`]+)`/g)) {
      for (const part of quoted!.split('...').map((words) => words.trim())) {
        if (part.length < 8) continue;
        assert.ok(code.includes(part), `nothing in src/ says: ${part}`);
        found++;
      }
    }
  }
  assert.ok(found > 30, `${found} texts`);
});
