/** The cases of `npm run bench`: which command, over how many connections, how deep, how large. */
import {
  type CollectionCommand,
  collectionLoad,
  manyKeysCommands,
  oneKeyCommands,
  RANDOM_NUMBERS,
  streamCommands,
} from './collection-cases.js';
import type { CommandKind } from './load/workload.js';

type StringCommand = 'set' | 'get' | 'mset' | 'incr' | 'mixed';
/** LPUSH to a client in BLPOP. */
type BlockedCommand = 'blocked';
export type CaseCommand = StringCommand | CollectionCommand | BlockedCommand;
export type CaseGroup =
  | 'single'
  | 'pipeline16'
  | 'pipeline64'
  | 'large'
  | 'values'
  | 'connections'
  | 'collection'
  | 'collections'
  | 'streams'
  | 'blocking'
  | 'tracking'
  | 'open';

export interface Case {
  readonly group: CaseGroup;
  readonly command: CaseCommand;
  readonly connections: number;
  readonly pipeline: number;
  readonly valueBytes: number;
  readonly keys: number;
  /** Open loop at this rate; 0 for a closed loop. */
  readonly perSecond: number;
}

export const groupTitles: Readonly<Record<CaseGroup, string>> = {
  single: 'One request at a time, 50 connections, 100 B values',
  pipeline16: 'Pipelines of 16, 50 connections, 100 B values',
  pipeline64: 'Pipelines of 64, 50 connections, 100 B values',
  large: 'Pipelines of 16 over 2,000,000 keys, 50 connections, 100 B values',
  values: 'Value sizes, one request at a time, 50 connections',
  connections: '1,000 connections, one request at a time, 100 B values',
  collection: 'One collection, pipelines of 16, 50 connections',
  collections: 'Many small collections, pipelines of 16, 50 connections',
  streams: 'One stream, pipelines of 16, 50 connections',
  blocking: 'LPUSH to a client that waits in BLPOP, 25 pairs of connections',
  tracking: 'SET while a client tracks 1,000,000 keys, pipelines of 16, 50 connections',
  open: 'Open loop at a fixed rate, 50 connections, 100 B values',
};

const commands: readonly StringCommand[] = ['set', 'get', 'mset', 'incr', 'mixed'];
/** Of 16 B keys and 100 B values about what the caches of a server processor hold. */
const KEYS = 100_000;
/** Many times that. */
const LARGE_KEYS = 2_000_000;
/** As many as tracking-table-max-keys allows. */
const TRACKED_KEYS = 1_000_000;
/** No more than this of large values, so that filling takes no longer than measuring. */
const DATA_BYTES_MAX = 64 << 20;
const base = {
  connections: 50,
  pipeline: 1,
  valueBytes: 100,
  keys: KEYS,
  perSecond: 0,
} as const;

const collectionBase = { ...base, pipeline: 16, keys: RANDOM_NUMBERS } as const;

export const allCases: readonly Case[] = [
  ...commands.map((command): Case => ({ ...base, group: 'single', command })),
  ...commands.map((command): Case => ({ ...base, group: 'pipeline16', command, pipeline: 16 })),
  ...commands.map((command): Case => ({ ...base, group: 'pipeline64', command, pipeline: 64 })),
  ...(['set', 'get'] as const).map(
    (command): Case => ({ ...base, group: 'large', command, pipeline: 16, keys: LARGE_KEYS }),
  ),
  ...[16, 1024, 8192, 65536].flatMap((valueBytes) =>
    (['set', 'get'] as const).map(
      (command): Case => ({
        ...base,
        group: 'values',
        command,
        valueBytes,
        keys: keysFor(valueBytes),
      }),
    ),
  ),
  ...(['set', 'get'] as const).map(
    (command): Case => ({ ...base, group: 'connections', command, connections: 1000 }),
  ),
  ...oneKeyCommands.map((command): Case => ({ ...collectionBase, group: 'collection', command })),
  ...streamCommands.map((command): Case => ({ ...collectionBase, group: 'streams', command })),
  ...manyKeysCommands.map(
    (command): Case => ({ ...collectionBase, group: 'collections', command }),
  ),
  { ...base, group: 'blocking', command: 'blocked' },
  { ...base, group: 'tracking', command: 'set', pipeline: 16, keys: TRACKED_KEYS },
  { ...base, group: 'open', command: 'mixed', perSecond: 10_000 },
];

function keysFor(valueBytes: number): number {
  return Math.min(KEYS, Math.floor(DATA_BYTES_MAX / (valueBytes + 64)));
}

/** About a minute's worth, for use while working. */
export const quickCases: readonly Case[] = allCases.filter(
  ({ group, command, valueBytes }) =>
    (group === 'single' && (command === 'set' || command === 'get')) ||
    (group === 'pipeline16' && command !== 'incr' && command !== 'mset') ||
    (group === 'pipeline64' && command === 'get') ||
    (group === 'values' && command === 'get' && valueBytes === 8192) ||
    group === 'open',
);

/** Whether one of the words of --only names the case: a command or a group. */
export function matches(item: Case, words: readonly string[]): boolean {
  return words.length === 0 || words.includes(item.command) || words.includes(item.group);
}

/** One SET to ten GETs. */
export const mixedPattern: readonly CommandKind[] = ['set', ...Array<'get'>(10).fill('get')];

const titles: Readonly<Record<StringCommand | BlockedCommand, string>> = {
  blocked: 'LPUSH and BLPOP',
  set: 'SET',
  get: 'GET',
  mset: 'MSET of 10',
  incr: 'INCR',
  mixed: 'SET:GET 1:10',
};

export function caseTitle(item: Case): string {
  const title =
    collectionLoad(item.command)?.title ?? titles[item.command as StringCommand | BlockedCommand];
  if (item.group === 'values') return `${title} ${byteSize(item.valueBytes)}`;
  if (item.perSecond > 0) return `${title} at ${item.perSecond.toLocaleString('en')}/s`;
  return title;
}

function byteSize(bytes: number): string {
  return bytes < 1024 ? `${bytes} B` : `${bytes / 1024} KiB`;
}
