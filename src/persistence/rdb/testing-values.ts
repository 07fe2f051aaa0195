/** For tests: arbitrary values of all types, as fast-check makes and shrinks them. */
import fc from 'fast-check';
import type { ModelKey, ModelValue } from './testing.js';

const NUMBERS = ['0', '-1', '127', '-129', '4096', '65535', '-8388609', '2147483648'];
const LARGE_NUMBERS = ['9007199254740993', '-9223372036854775808', '9223372036854775807', '01'];

const binary = (maxLength: number): fc.Arbitrary<string> =>
  fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes).toString('latin1'));
const text = fc.oneof(
  binary(40),
  fc.constantFrom(...NUMBERS, ...LARGE_NUMBERS),
  fc.integer().map(String),
  fc.tuple(binary(8), fc.nat(200)).map(([word, times]) => word.repeat(times)),
);
export const largeText = fc.oneof(
  { weight: 20, arbitrary: text },
  { weight: 1, arbitrary: fc.tuple(binary(3), fc.nat(9000)).map(([a, n]) => a.repeat(n)) },
);
const unique = { selector: (one: string) => one, minLength: 1 };
const some = fc.uniqueArray(text, { ...unique, maxLength: 30 });
const many = fc.uniqueArray(text, { ...unique, minLength: 100, maxLength: 600, size: 'max' });
const numbers = fc.uniqueArray(fc.maxSafeInteger().map(String), { ...unique, maxLength: 600 });
const names = fc.oneof(some, some, some, many);

const id = fc.tuple(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.bigInt({ min: 0n, max: 9n }));
const ids = (maxLength: number): fc.Arbitrary<bigint[]> =>
  fc
    .uniqueArray(
      id.map(([ms, sequence]) => (ms << 64n) | sequence),
      { maxLength },
    )
    .map((list) => list.sort((a, b) => (a < b ? -1 : 1)));

const streamValue: fc.Arbitrary<ModelValue> = fc
  .record({
    entries: ids(300).chain((list) =>
      fc.tuple(
        ...list.map((one) =>
          fc
            .oneof(
              fc.constant(['a', '1', 'b', '2']),
              fc.array(text, { minLength: 1, maxLength: 3 }),
            )
            .map((fields) => ({ id: one, fields: fields.flatMap((field) => [field, field]) })),
        ),
      ),
    ),
    groups: fc.uniqueArray(text, { maxLength: 3 }),
    consumers: fc.uniqueArray(text, { minLength: 1, maxLength: 3 }),
    pending: ids(40),
    entriesRead: fc.constantFrom(-1n, 0n, 77n, 2n ** 62n),
  })
  .map(({ entries, groups, consumers, pending, entriesRead }) => ({
    kind: 'stream',
    stream: {
      entries,
      state: {
        length: entries.length,
        lastId: 2n ** 128n - 1n,
        firstId: entries[0]?.id ?? 0n,
        maxDeletedId: 3n,
        entriesAdded: 2n ** 63n - 1n,
      },
      groups: groups.map((name, i) => ({
        name,
        lastId: BigInt(i) << 64n,
        entriesRead,
        consumers: consumers.map((consumer, j) => ({
          name: consumer,
          seenMs: 1_700_000_000_000 + j,
          activeMs: 1_700_000_000_000 + j,
          pending: pending
            .filter((_, k) => k % consumers.length === j)
            .map((one, k) => ({ id: one, deliveredMs: k * 1e9, deliveries: k })),
        })),
      })),
    },
  }));

export const value: fc.Arbitrary<ModelValue> = fc.oneof(
  largeText.map((string): ModelValue => ({ kind: 'string', string })),
  fc
    .array(largeText, { minLength: 1, maxLength: 200 })
    .map((elements): ModelValue => ({ kind: 'list', elements })),
  fc.oneof(names, numbers).map((members): ModelValue => ({ kind: 'set', members })),
  fc.tuple(names, fc.array(largeText, { minLength: 1 })).map(
    ([fields, values]): ModelValue => ({
      kind: 'hash',
      fields: fields.map((field, i) => ({
        field,
        value: values[i % values.length]!,
        expiryMs: -1,
      })),
    }),
  ),
  fc.tuple(names, fc.array(fc.double({ noNaN: true }), { minLength: 1 })).map(
    ([members, scores]): ModelValue => ({
      kind: 'zset',
      members: members.map((member, i) => ({ member, score: scores[i % scores.length]! })),
    }),
  ),
  streamValue,
);

/** The same hash, of which some fields expire. */
export function expiring(one: ModelValue): ModelValue {
  if (one.kind !== 'hash') return one;
  return {
    kind: 'hash',
    fields: one.fields.map((field, i) => ({
      ...field,
      expiryMs: i % 3 === 0 ? -1 : 1_700_000_000_000 + i * 12345,
    })),
  };
}

export const key: fc.Arbitrary<ModelKey> = fc.record({
  database: fc.nat(3),
  name: largeText,
  expiryMs: fc.constantFrom(-1, 0, 1_700_000_000_123, 2 ** 53 - 1),
  idleSeconds: fc.constantFrom(-1, 0, 100_000),
  frequency: fc.constantFrom(-1, 0, 255),
  value,
});
