/** Manifests: there and back, every byte changed, and names of files. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { sealText } from '../files/sealed-text.js';
import {
  decodeManifest,
  encodeManifest,
  flowFileName,
  keptManifestName,
  type SnapshotManifest,
  snapshotName,
  snapshotOf,
} from './manifest.js';

const lsn = fc.integer({ min: 0, max: 2 ** 40 }).map((words) => words * 4);
const manifests: fc.Arbitrary<SnapshotManifest> = fc.record(
  {
    version: fc.constant(1),
    name: fc.constant('1700000000123-00ff00'),
    server: fc.string(),
    createdMs: fc.integer({ min: 0, max: 2 ** 41 }),
    role: fc.constantFrom('primary' as const, 'replica' as const),
    replicationId: fc.constant('0a'.repeat(20)),
    lsns: fc.array(lsn, { minLength: 3, maxLength: 3 }),
    offset: lsn,
    hadReplicas: fc.boolean(),
    shards: fc.constant(2),
    databases: fc.integer({ min: 1, max: 4096 }),
    spread: fc.constantFrom(1, 8),
    hashKey0: fc.integer(),
    hashKey1: fc.integer(),
    keys: fc.array(fc.tuple(fc.nat(16), fc.nat())),
    files: fc.array(
      fc.record(
        { name: fc.constant('dump.darter.x.0'), bytes: fc.nat(), checksum: fc.nat() },
        { noNullPrototype: true },
      ),
      { minLength: 1, maxLength: 3 },
    ),
  },
  { noNullPrototype: true },
);

test('a manifest is decoded as it was encoded', () => {
  fc.assert(
    fc.property(manifests, (manifest) => {
      assert.deepEqual(decodeManifest(encodeManifest(manifest)), manifest);
    }),
    { numRuns: 100 },
  );
});

test('a manifest with a changed byte or a cut is refused', () => {
  const [manifest] = fc.sample(manifests, { numRuns: 1, seed: 5 });
  const bytes = encodeManifest(manifest!);
  for (let at = 0; at < bytes.length; at++) {
    const changed = Uint8Array.from(bytes);
    changed[at]! ^= 4;
    assert.equal(typeof decodeManifest(changed), 'string', `byte ${at}`);
    assert.equal(typeof decodeManifest(bytes.subarray(0, at)), 'string', `cut at ${at}`);
  }
});

test('a manifest whose fields make no sense is refused by name', () => {
  const [manifest] = fc.sample(manifests, { numRuns: 1, seed: 6 });
  const refused = (change: object) =>
    decodeManifest(sealText({ format: 'darter snapshot', ...manifest, ...change }));
  assert.match(refused({ lsns: [4, 8] }) as string, /lsns/);
  assert.match(refused({ lsns: [4, 8, 3] }) as string, /lsns/);
  assert.match(refused({ shards: 3 }) as string, /shards/);
  assert.match(refused({ files: [] }) as string, /files/);
  assert.match(refused({ files: [{ name: '../x', bytes: 1, checksum: 1 }] }) as string, /files/);
  assert.match(refused({ version: 2 }) as string, /version 2/);
});

test('names tell which snapshot a file belongs to', () => {
  const name = snapshotName(1_700_000_000_123, 0.5);
  const base = 'dump.darter';
  assert.deepEqual(snapshotOf(base, flowFileName(base, name, 3)), { name, isManifest: false });
  assert.deepEqual(snapshotOf(base, keptManifestName(base, name)), { name, isManifest: true });
  for (const other of [base, 'dump.darter.x.0', `other.${name}.0`, `${base}.${name}.0.gz`]) {
    assert.equal(snapshotOf(base, other), null, other);
  }
});
