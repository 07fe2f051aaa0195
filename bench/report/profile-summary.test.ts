import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ProfileNode, sumByFunction } from './profile-summary.js';

function node(id: number, functionName: string, children: number[]): ProfileNode {
  return { id, callFrame: { functionName, url: '', lineNumber: 0 }, children };
}

test('recursion counts once in total time', () => {
  const nodes = [node(1, '(root)', [2]), node(2, 'outer', [3]), node(3, 'inner', [4])];
  nodes.push(node(4, 'outer', []));
  const times = sumByFunction([
    { nodes, samples: [2, 3, 4, 4], timeDeltas: [1000, 2000, 3000, 4000] },
  ]);
  const of = (name: string) => times.find((time) => time.name === name);
  assert.deepEqual(of('outer'), { name: 'outer', selfMs: 8, totalMs: 10 });
  assert.deepEqual(of('inner'), { name: 'inner', selfMs: 2, totalMs: 9 });
});
