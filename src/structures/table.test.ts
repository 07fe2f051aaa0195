import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Space } from '../memory/space.js';
import { ROOTS_OFFSET } from '../memory/space-layout.js';
import { SCAN_END, Table } from './table.js';
import { KeyFinder, testSpace } from './testing.js';

interface Model {
  kind: number;
  value: string;
  expiry: number;
}

/** Keys of every size class, from the empty one to one of several pages. */
function keyName(index: number): string {
  if (index === 0) return '';
  const lengths = [3, 8, 11, 30, 200, 1024, 1025, 9000];
  const text = `k${index}.`;
  const length = index % 16 < 10 ? text.length : lengths[index % lengths.length]!;
  return text.padEnd(length, 'x');
}

/** Bytes that differ for every seed, without long repeats. */
function pattern(length: number, seed: number): string {
  const bytes = Buffer.alloc(length);
  let state = seed | 1;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1103515245) + 12345) | 0;
    bytes[i] = state >>> 16;
  }
  return bytes.toString('latin1');
}

const valueLength = fc.oneof(
  { weight: 8, arbitrary: fc.nat(150) },
  { weight: 4, arbitrary: fc.nat(9000) },
  { weight: 1, arbitrary: fc.integer({ min: 8000, max: 8300 }) },
  { weight: 1, arbitrary: fc.nat(60_000) },
  { weight: 1, arbitrary: fc.nat(600_000) },
);
const expiry = fc.oneof(
  { weight: 3, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 100 }).map((n) => 1.7e12 + n) },
);
const key = fc.nat(400);

const operation = fc.oneof(
  { weight: 12, arbitrary: fc.tuple(fc.constant('put' as const), key, valueLength, expiry) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('fill' as const), key, fc.nat(120), expiry) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('resize' as const), key, valueLength) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('append' as const), key, fc.nat(300)) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('expire' as const), key, expiry) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('kind' as const), key, fc.nat(31)) },
  { weight: 6, arbitrary: fc.tuple(fc.constant('remove' as const), key) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('drain' as const), key, fc.nat(3000)) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('maintain' as const), fc.nat(20)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('scan' as const)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('expired' as const), fc.nat(100)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('random' as const), fc.nat(1000)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('clear' as const), fc.nat(9)) },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

/** Runs operations on a table and on a Map, and compares what they say. */
class Comparison {
  readonly table: Table;
  readonly keys: KeyFinder;
  readonly model = new Map<string, Model>();
  private seed = 0;

  constructor(readonly space: Space) {
    this.table = new Table(space, ROOTS_OFFSET);
    this.keys = new KeyFinder(space, this.table);
  }

  run(op: Operation): void {
    switch (op[0]) {
      case 'put':
        this.put(keyName(op[1]), op[2], op[3]);
        break;
      case 'fill':
        for (let i = 0; i < 200; i++) this.put(`fill${op[1] * 7 + i}`, op[2] + (i & 7), op[3]);
        break;
      case 'resize':
        this.resize(keyName(op[1]), () => op[2]);
        break;
      case 'append':
        this.resize(keyName(op[1]), (old) => old + op[2]);
        break;
      case 'expire':
        this.expire(keyName(op[1]), op[2]);
        break;
      case 'kind':
        this.setKind(keyName(op[1]), op[2]);
        break;
      case 'remove':
        this.remove(keyName(op[1]));
        break;
      case 'drain':
        for (let i = 0; i < op[2]; i++) this.remove(`fill${op[1] * 7 + i}`);
        break;
      case 'maintain':
        this.table.maintain(op[1]);
        break;
      case 'scan':
        this.scan();
        break;
      case 'expired':
        this.expired(1.7e12 + op[1]);
        break;
      case 'random':
        this.random(op[1]);
        break;
      case 'clear':
        if (op[1] > 0) break;
        this.table.clear();
        this.model.clear();
        break;
    }
  }

  private sought(name: string): Model | undefined {
    const model = this.model.get(name);
    assert.equal(this.keys.find(name), model !== undefined, `presence of ${name.slice(0, 12)}`);
    if (model !== undefined) this.compare(name, model);
    return model;
  }

  compare(name: string, model: Model): void {
    const { table, keys } = this;
    assert.equal(keys.key(), name);
    assert.equal(table.kind, model.kind);
    assert.equal(table.expiry, model.expiry);
    assert.ok(keys.value() === model.value, `value of ${name.slice(0, 12)}`);
  }

  private put(name: string, length: number, expiry: number): void {
    this.sought(name);
    const model = { kind: this.seed & 31, value: pattern(length, ++this.seed), expiry };
    if (this.keys.put(name, model.kind, model.value, expiry)) {
      this.model.set(name, model);
      this.compare(name, model);
    }
    this.sought(name);
  }

  private resize(name: string, lengthAfter: (before: number) => number): void {
    const model = this.sought(name);
    if (model === undefined) return;
    const length = lengthAfter(model.value.length);
    if (this.table.resize(length) >= 0) {
      model.value = model.value.slice(0, length).padEnd(length, '\0');
      this.compare(name, model);
    }
    this.sought(name);
  }

  private expire(name: string, expiry: number): void {
    const model = this.sought(name);
    if (model === undefined) return;
    if (this.table.setExpiry(expiry)) {
      model.expiry = expiry;
      this.compare(name, model);
    }
    this.sought(name);
  }

  private setKind(name: string, kind: number): void {
    const model = this.sought(name);
    if (model === undefined) return;
    this.table.setKind(kind);
    model.kind = kind;
    this.sought(name);
  }

  private remove(name: string): void {
    if (this.sought(name) === undefined) return;
    this.table.remove();
    this.model.delete(name);
    this.sought(name);
  }

  /** Every entry exactly once when nothing changes meanwhile. */
  scan(): void {
    const { table, keys } = this;
    const seen = new Set<string>();
    for (let position = 0; position < SCAN_END; ) {
      const next = table.scan(position);
      assert.ok(next > position);
      position = next;
      for (const offset of table.scanOffsets.slice(0, table.scanCount)) {
        table.decode(offset);
        const name = keys.key();
        assert.ok(!seen.has(name), 'seen twice');
        seen.add(name);
        this.compare(name, this.model.get(name)!);
      }
    }
    assert.equal(seen.size, this.model.size);
  }

  private expired(now: number): void {
    const { table, keys } = this;
    for (let position = 0; position < SCAN_END; ) {
      position = table.scanExpired(position, now);
      const names = [...table.scanOffsets.slice(0, table.scanCount)].map((offset) => {
        table.decode(offset);
        return keys.key();
      });
      for (const name of names) {
        const { expiry } = this.model.get(name)!;
        assert.ok(expiry > 0 && expiry <= now);
        this.remove(name);
      }
    }
    for (const [name, { expiry }] of this.model) {
      assert.ok(expiry === 0 || expiry > now, `${name.slice(0, 12)} is left`);
    }
  }

  private random(seed: number): void {
    let state = seed;
    const offset = this.table.random(() => {
      state = (Math.imul(state, 1103515245) + 12345) | 0;
      return state;
    });
    assert.equal(offset === 0, this.model.size === 0);
    if (offset === 0) return;
    this.table.decode(offset);
    this.compare(this.keys.key(), this.model.get(this.keys.key())!);
  }

  check(): void {
    const { table, model, space } = this;
    table.check();
    space.check();
    assert.equal(table.size, model.size);
    let expiring = 0;
    for (const { expiry } of model.values()) if (expiry > 0) expiring++;
    assert.equal(table.expiring, expiring);
    assert.equal(space.residentPages, table.allocatedPages);
    assert.equal(space.counters[space.counterIndex], space.residentPages);
  }

  /** Everything is given back. */
  finish(): void {
    this.scan();
    this.table.clear();
    this.model.clear();
    this.check();
    assert.equal(this.space.freePages, this.space.dataPages);
    assert.equal(this.space.residentPages, 0);
  }
}

for (const [mebibytes, runs, length] of [
  [1, 12, 150],
  [2, 10, 200],
  [64, 10, 300],
] as const) {
  test(`a table does what a Map does, in a space of ${mebibytes} MiB`, () => {
    fc.assert(
      fc.property(
        fc.array(fc.noBias(operation), { minLength: length, maxLength: length }),
        (operations) => {
          const comparison = new Comparison(testSpace(mebibytes));
          operations.forEach((op, i) => {
            comparison.run(op);
            if (i % 20 === 0) comparison.check();
          });
          comparison.check();
          comparison.finish();
        },
      ),
      { numRuns: runs },
    );
  });
}
