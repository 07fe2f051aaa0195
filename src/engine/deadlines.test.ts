import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Dated, Deadlines } from './deadlines.js';

test('the earliest is first, whatever comes and goes', () => {
  const steps = fc.array(fc.record({ adds: fc.boolean(), number: fc.nat({ max: 30 }) }));
  fc.assert(
    fc.property(steps, (all) => {
      const deadlines = new Deadlines<Dated>();
      const there: Dated[] = [];
      for (const { adds, number } of all) {
        if (adds || there.length === 0) {
          const item = { deadlineMs: number, heapIndex: -1 };
          deadlines.add(item);
          there.push(item);
        } else {
          const [item] = there.splice(number % there.length, 1);
          deadlines.remove(item!);
          deadlines.remove(item!);
        }
        const earliest = Math.min(...there.map((item) => item.deadlineMs));
        assert.equal(deadlines.first?.deadlineMs ?? Number.POSITIVE_INFINITY, earliest);
      }
    }),
  );
});
