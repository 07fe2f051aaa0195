import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bars, lines, toSvg } from './charts.js';
import { replaceSection } from './files.js';
import { table } from './table.js';

test('a section is replaced, the rest stays, and a missing one is an error', () => {
  const text = 'a\n<!-- x:begin -->\nold\n<!-- x:end -->\nb';
  assert.equal(replaceSection(text, 'x', 'new'), 'a\n<!-- x:begin -->\nnew\n<!-- x:end -->\nb');
  assert.throws(() => replaceSection(text, 'y', 'new'), /no section/);
});

test('columns line up', () => {
  const lines = table(
    ['case', 'n'],
    [
      ['SET', '1'],
      ['MSET of 10', '1,000'],
    ],
  ).split('\n');
  assert.equal(new Set(lines.map((line) => line.length)).size, 1);
});

test('charts become SVG with their labels', () => {
  const bar = bars(
    'b',
    'Requests',
    'more is better',
    ['SET', 'GET'],
    [
      { name: 'redis', values: [1, 2] },
      { name: 'darter', values: [3, 4] },
    ],
  );
  assert.match(toSvg(bar), /^<svg[\s\S]*GET[\s\S]*<\/svg>$/);
  const line = lines('l', 'Memory', '', { x: 'seconds', y: 'MiB' }, [
    {
      name: 'redis',
      system: 0,
      points: [
        [0, 1],
        [1, 2],
      ],
      shaded: [0, 1],
    },
  ]);
  assert.match(toSvg(line), /Memory/);
});
