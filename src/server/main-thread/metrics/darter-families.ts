/**
 * Darter's own metrics: its threads, its shards and their journals in memory (rings), syncs with replicas
 * (flows and their windows), cuts, and the journal on disk.
 */

import { PAGE_BYTES } from '../../../base/limits.js';
import { DARTER_VERSION } from '../../../base/version.js';
import { COMMANDS } from '../../../engine/counters.js';
import { WRITES_DELAYED, WRITES_OVERRULED } from '../../../journal/counters.js';
import type { Counter } from '../../../memory/control-layout.js';
import { INPUT_BYTES, OUTPUT_BYTES } from '../../../net/counters.js';
import {
  SUM_AHEAD_SHARE,
  SUM_BYTES,
  SUM_CUT,
  SUM_CUT_MS,
  SUM_FRAMES,
  SUM_KEYS,
  SUM_KEYS_TOTAL,
  SUM_RESTARTED_SHARDS,
} from '../../../replication/primary/sync-session.js';
import * as journal from '../../channel/journal-figures.js';
import { LOAD_BYTES_DONE, LOAD_BYTES_TOTAL } from '../../channel/persistence-figures.js';
import { type Family, single } from './family.js';
import { infoNumber } from './info-families.js';
import type { Scrape, ScrapedReplica, ThreadFigures } from './scrape.js';

type Kind = 'counter' | 'gauge';

function perThread(
  type: Kind,
  name: string,
  help: string,
  read: (report: ThreadFigures) => number,
): Family {
  return {
    ...{ name: `darter_thread_${name}`, help, type, labels: ['thread'] },
    collect: ({ reports }, add) => {
      for (const report of reports) add(read(report), [String(report.thread)]);
    },
  };
}

function threadCounter(name: string, help: string, counter: Counter): Family {
  return {
    ...{ name: `darter_thread_${name}`, help, type: 'counter', labels: ['thread'] },
    collect: ({ control }, add) => {
      for (const [number, thread] of control.threads.entries()) {
        add(thread.get(counter), [String(number)]);
      }
    },
  };
}

/** Read without locks: a value may be one write old. */
function perShard(
  name: string,
  help: string,
  read: (scrape: Scrape, shard: number) => number,
): Family {
  return {
    ...{ name: `darter_shard_${name}`, help, type: 'gauge', labels: ['shard'] },
    collect: (scrape, add) => {
      for (let shard = 0; shard < scrape.shards.count; shard++) {
        add(read(scrape, shard), [String(shard)]);
      }
    },
  };
}

/** The last ring has the stream without keys. */
function perRing(
  type: Kind,
  name: string,
  help: string,
  read: (ring: Scrape['rings'][number]) => number,
): Family {
  return {
    ...{ name: `darter_ring_${name}`, help, type, labels: ['stream'] },
    collect: ({ rings }, add) => {
      rings.forEach((ring, stream) => {
        add(read(ring), [stream === rings.length - 1 ? 'keyless' : String(stream)]);
      });
    },
  };
}

function perReplica(
  type: Kind,
  name: string,
  help: string,
  read: (replica: ScrapedReplica, scrape: Scrape) => number,
): Family {
  return {
    ...{ name: `darter_${name}`, help, type, labels: ['replica'] },
    collect: (scrape, add) => {
      for (const replica of scrape.replicas) add(read(replica, scrape), [replica.name]);
    },
  };
}

function sumOfReplica(name: string, help: string, sum: number, type: Kind = 'counter'): Family {
  return perReplica(type, name, help, ({ session }) => session.sums[sum]!);
}

/** How far the first are ahead of the others, in bytes of all streams. */
function ahead(lsns: ArrayLike<number>, others: ArrayLike<number>): number {
  let bytes = 0;
  for (let i = 0; i < lsns.length; i++) bytes += Math.max(0, lsns[i]! - others[i]!);
  return bytes;
}

const headsOf = ({ rings }: Scrape) => rings.map((ring) => ring.peekHead());

const THREADS: readonly Family[] = [
  perThread('gauge', 'connected_clients', 'Connections that a thread serves', (one) => one.clients),
  perThread(
    'counter',
    'cpu_seconds_total',
    'Time of a thread on a processor; its rate is how busy it is',
    ({ cpuMs }) => cpuMs / 1000,
  ),
  perThread(
    'counter',
    'queued_seconds_total',
    'Time in which a thread was ready and had no processor',
    ({ queuedMs }) => queuedMs / 1000,
  ),
  {
    name: 'darter_thread_busy_ratio',
    type: 'gauge',
    help: 'Share of the last moments that a thread worked or waited for a processor; 0 to 1. Only with placement adaptive and several threads',
    labels: ['thread'],
    collect: ({ inUse, config }, add) => {
      if (inUse.length === 1 || config.value('placement') !== 'adaptive') return;
      for (const [thread, share] of inUse.entries()) add(share / 1000, [String(thread)]);
    },
  },
  threadCounter('commands_total', 'Commands that a thread ran', COMMANDS),
  threadCounter('input_bytes_total', 'Received from clients by a thread', INPUT_BYTES),
  threadCounter('output_bytes_total', 'Sent to clients by a thread', OUTPUT_BYTES),
];

const SHARDS: readonly Family[] = [
  perShard('keys', 'Keys of a shard, in all databases', ({ shards }, shard) => {
    let keys = 0;
    for (let database = 0; database < shards.databases; database++) {
      keys += shards.table(shard, database).size;
    }
    return keys;
  }),
  perShard(
    'used_bytes',
    'Memory of a shard',
    ({ shards }, shard) => shards.spaces[shard]!.residentPages * PAGE_BYTES,
  ),
  perShard(
    'free_bytes',
    'Address space of a shard that is free: at 0 its writes fail',
    (scrape, shard) => {
      return scrape.shards.spaces[shard]!.freePages * PAGE_BYTES;
    },
  ),
];

const RINGS: readonly Family[] = [
  perRing('counter', 'written_bytes_total', 'LSN of the newest write of a stream', (ring) =>
    ring.peekHead(),
  ),
  perRing('gauge', 'held_bytes', 'What a ring holds for replicas that come back', (ring) =>
    Math.max(0, ring.peekHead() - ring.start),
  ),
  perRing('gauge', 'capacity_bytes', 'Room of a ring', (ring) => ring.capacity),
];

const FLOWS: readonly Family[] = [
  sumOfReplica('flow_sent_bytes_total', 'Sent to a replica since its sync began', SUM_BYTES),
  sumOfReplica('flow_sent_frames_total', 'Frames of a full sync that were sent', SUM_FRAMES),
  sumOfReplica('flow_sent_keys_total', 'Keys of a full sync that were sent', SUM_KEYS),
  sumOfReplica(
    'flow_keys',
    'Keys when the full sync began: about what is sent',
    SUM_KEYS_TOTAL,
    'gauge',
  ),
  sumOfReplica(
    'flow_restarted_shards_total',
    'Shards that were sent again, as the replica was too slow or for SWAPDB',
    SUM_RESTARTED_SHARDS,
  ),
  single(
    'gauge',
    'darter_flow_received_bytes',
    'On a replica: bytes of the full sync that runs',
    (scrape) => infoNumber(scrape, 'master_sync_read_bytes'),
  ),
  single(
    'gauge',
    'darter_flow_received_ratio',
    'On a replica: share of the full sync that runs; 0 to 1',
    (scrape) => infoNumber(scrape, 'master_sync_perc') / 100,
  ),
  single('gauge', 'darter_flow_lag_seconds', 'On a replica: how far its data is behind', (scrape) =>
    infoNumber(scrape, 'slave_repl_lag_seconds'),
  ),
  single('gauge', 'darter_flow_pending_bytes', 'On a replica: received and not applied', (scrape) =>
    infoNumber(scrape, 'slave_repl_pending_bytes'),
  ),
  perReplica(
    'gauge',
    'window_sent_bytes',
    'Sent to a replica and not acknowledged',
    ({ session }) => ahead(session.sent, session.acknowledged),
  ),
  perReplica(
    'gauge',
    'window_lag_bytes',
    'Written here and not acknowledged by a replica',
    ({ session }, scrape) => ahead(headsOf(scrape), session.acknowledged),
  ),
  sumOfReplica(
    'window_ahead_ratio',
    'Share of a ring that writes may be ahead of a replica before they wait',
    SUM_AHEAD_SHARE,
    'gauge',
  ),
  single(
    'counter',
    'darter_window_delayed_writes_total',
    'Writes that waited for a replica',
    ({ control }) => control.sum(WRITES_DELAYED),
  ),
  single(
    'counter',
    'darter_window_overruled_writes_total',
    'Writes that waited for a replica as long as they may: it loses its place',
    ({ control }) => control.sum(WRITES_OVERRULED),
  ),
];

const CUTS: readonly Family[] = [
  single(
    'gauge',
    'darter_cut_offset_bytes',
    'Offset of the newest cut; -1: there is none',
    ({ cuts }) => cuts.offset,
  ),
  single(
    'gauge',
    'darter_cut_timestamp_seconds',
    'When it was made; 0: there is none',
    ({ cuts }) => (cuts.offset < 0 ? 0 : cuts.madeMs / 1000),
  ),
  perReplica(
    'gauge',
    'cut_replica_offset_bytes',
    'Offset of the last cut that a replica has applied',
    ({ session }) => session.sums[SUM_CUT]!,
  ),
  perReplica(
    'gauge',
    'cut_replica_timestamp_seconds',
    'When that cut was made',
    ({ session }) => session.sums[SUM_CUT_MS]! / 1000,
  ),
];

const JOURNAL: readonly Family[] = [
  single(
    'gauge',
    'darter_journal_undurable_bytes',
    'Written and not on the disk; what a crash of the machine would lose. Only with appendonly yes',
    (scrape) =>
      scrape.config.flag('appendonly') ? ahead(headsOf(scrape), scrape.durable.lsns) : Number.NaN,
  ),
  single('gauge', 'darter_journal_bytes', 'Size of the journal on disk', ({ control }) =>
    control.get(journal.AOF_SIZE),
  ),
  single('gauge', 'darter_journal_base_bytes', 'Size of its base', ({ control }) =>
    control.get(journal.AOF_BASE_SIZE),
  ),
  single('gauge', 'darter_journal_writable', '0 while the disk refuses writes', ({ control }) =>
    control.get(journal.AOF_LAST_WRITE_FAILED) === 0 ? 1 : 0,
  ),
  single('counter', 'darter_journal_rewrites_total', 'Rewrites since the start', ({ control }) =>
    control.get(journal.AOF_REWRITES),
  ),
  single(
    'gauge',
    'darter_journal_rewrite_failures',
    'Rewrites in a row that failed',
    ({ control }) => control.get(journal.AOF_REWRITE_FAILURES),
  ),
];

const PROCESS: readonly Family[] = [
  {
    name: 'darter_build_info',
    type: 'gauge',
    help: 'Always 1; the labels tell of the program',
    labels: ['version', 'node_version', 'transport'],
    collect: ({ transport }, add) => add(1, [DARTER_VERSION, process.versions.node, transport]),
  },
  single(
    'gauge',
    'darter_load_bytes',
    'Bytes of the files of the start that are loaded',
    ({ control }) => control.get(LOAD_BYTES_DONE),
  ),
  single('gauge', 'darter_load_files_bytes', 'Bytes of all of them', ({ control }) =>
    control.get(LOAD_BYTES_TOTAL),
  ),
];

export const DARTER_FAMILIES: readonly Family[] = [
  ...PROCESS,
  ...THREADS,
  ...SHARDS,
  ...RINGS,
  ...FLOWS,
  ...CUTS,
  ...JOURNAL,
];
