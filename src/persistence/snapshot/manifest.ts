/**
 * The manifest of a snapshot: the one file that makes flows' files (files/flow-file.ts) a snapshot.
 * It is written last and renamed into place, so a snapshot is there whole or not at all.
 *
 *   dump.darter                     the manifest of the newest snapshot
 *   dump.darter.<name>.<flow>       a file of each flow
 *   dump.darter.<name>.manifest     manifests of older ones, while `snapshot-keep` keeps them
 *
 * A name begins with the time in milliseconds, so that names sort by age.
 */
import { openSealed, sealText } from '../files/sealed-text.js';

export const MANIFEST_VERSION = 1;
/** No manifest is longer: 1025 streams and 4096 databases take a fraction of it. */
export const MANIFEST_BYTES_MAX = 1 << 20;
const NAME = /^\d{13}-[0-9a-f]{6}$/;

export interface ManifestFile {
  /** Its name in the folder of the manifest. */
  readonly name: string;
  /** All of it. */
  readonly bytes: number;
  /** Of the bytes before its end (files/flow-file.ts). */
  readonly checksum: number;
}

export interface SnapshotManifest {
  readonly version: number;
  /** Name of the snapshot: see above. */
  readonly name: string;
  /** Of the server that wrote it. */
  readonly server: string;
  readonly createdMs: number;
  readonly role: 'primary' | 'replica';
  /** The history that the data belongs to, and where each of its streams was. */
  readonly replicationId: string;
  readonly lsns: readonly number[];
  /** The offset of the newest cut: what a replica has reached (journal/cuts.ts). */
  readonly offset: number;
  /** Whether replicas may come back and continue from there. */
  readonly hadReplicas: boolean;
  readonly shards: number;
  readonly databases: number;
  readonly spread: number;
  readonly hashKey0: number;
  readonly hashKey1: number;
  /** Keys by database, those without keys left out. */
  readonly keys: readonly (readonly [database: number, keys: number])[];
  readonly files: readonly ManifestFile[];
}

export function snapshotName(nowMs: number, random: number): string {
  const digits = Math.floor(random * 0x1000000).toString(16);
  return `${String(Math.floor(nowMs)).padStart(13, '0')}-${digits.padStart(6, '0')}`;
}

export function flowFileName(base: string, name: string, flow: number): string {
  return `${base}.${name}.${flow}`;
}

export function keptManifestName(base: string, name: string): string {
  return `${base}.${name}.manifest`;
}

/** The snapshot that a file belongs to by its name, null when it is none of this base's. */
export function snapshotOf(
  base: string,
  file: string,
): { readonly name: string; readonly isManifest: boolean } | null {
  if (!file.startsWith(`${base}.`)) return null;
  const [name, last, ...more] = file.slice(base.length + 1).split('.');
  if (last === undefined || more.length > 0 || !NAME.test(name!)) return null;
  if (last === 'manifest') return { name: name!, isManifest: true };
  return /^\d+$/.test(last) ? { name: name!, isManifest: false } : null;
}

export function encodeManifest(manifest: SnapshotManifest): Uint8Array {
  return sealText({ format: 'darter snapshot', ...manifest });
}

/** @returns the manifest, or what is wrong with it */
export function decodeManifest(bytes: Uint8Array): SnapshotManifest | string {
  const opened = openSealed(bytes);
  if (typeof opened === 'string') return opened;
  const value = opened.value as Record<string, unknown>;
  if (!(value instanceof Object) || value.format !== 'darter snapshot') {
    return 'it is no manifest of a snapshot';
  }
  if (value.version !== MANIFEST_VERSION) {
    return `version ${String(value.version)} is not known, only ${MANIFEST_VERSION}`;
  }
  const wrong = wrongField(value);
  if (wrong !== null) return `its field ${wrong} makes no sense`;
  const { format: _, ...manifest } = value;
  return manifest as unknown as SnapshotManifest;
}

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
const isWord = (value: unknown): boolean => (value as number) === ((value as number) | 0);
const isPowerOfTwo = (value: unknown): boolean =>
  isCount(value) && Number.isInteger(Math.log2(value as number));
const listOf = (isItem: (item: unknown) => boolean) => (value: unknown) =>
  Array.isArray(value) && value.every(isItem);

function isFile(value: unknown): boolean {
  const { name, bytes, checksum } = value as Partial<ManifestFile>;
  const isName = typeof name === 'string' && name !== '' && !name.includes('/');
  return isName && isCount(bytes) && isCount(checksum);
}

function isKeys(value: unknown): boolean {
  return listOf(isCount)(value) && (value as unknown[]).length === 2;
}

const FIELDS: Readonly<Record<string, (value: unknown) => boolean>> = {
  name: (value) => typeof value === 'string' && NAME.test(value),
  server: (value) => typeof value === 'string',
  createdMs: isCount,
  role: (value) => value === 'primary' || value === 'replica',
  replicationId: (value) => typeof value === 'string' && /^[0-9a-f]{40}$/.test(value),
  lsns: listOf((lsn) => isCount(lsn) && (lsn as number) % 4 === 0),
  offset: isCount,
  hadReplicas: (value) => typeof value === 'boolean',
  shards: isPowerOfTwo,
  databases: isCount,
  spread: isPowerOfTwo,
  hashKey0: isWord,
  hashKey1: isWord,
  keys: listOf(isKeys),
  files: listOf(isFile),
};

function wrongField(value: Record<string, unknown>): string | null {
  for (const [field, isRight] of Object.entries(FIELDS)) {
    if (!isRight(value[field])) return field;
  }
  if ((value.lsns as unknown[]).length !== (value.shards as number) + 1) return 'lsns';
  return (value.files as unknown[]).length === 0 ? 'files' : null;
}

/** All keys of a snapshot. */
export function keysOf({ keys }: SnapshotManifest): number {
  return keys.reduce((sum, [, count]) => sum + count, 0);
}
