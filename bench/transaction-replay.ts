/**
 * `npm run bench:replay`: how many transactions over two shards a replica applies a second. The
 * flows of a primary are recorded once: MSETs of two keys. They are replayed into fresh replicas,
 * without sockets, on one thread; the flows take turns. So the figure is what applying costs,
 * whatever else the machine does with its other cores. The thread's time on a processor tells the same
 * on a machine that is busy. A replica that lacks something at the end of a round ends the run.
 *
 * What a replica that has served for a while has touched is touched before the clock starts: its
 * rings, its windows, and the first pages of its shards. The first rounds compile the code.
 */
import './support/fail-loudly.js';
// The native copy of long ranges, as a server has it.
import '../src/platform/ffi/region.js';
import { PAGE_BYTES } from '../src/base/limits.js';
import { Region } from '../src/base/region.js';
import { PrimaryFlow } from '../src/replication/primary/primary-flow.js';
import { SyncSession } from '../src/replication/primary/sync-session.js';
import { PendingStreams } from '../src/replication/replica/pending-streams.js';
import { ReplicaFlow } from '../src/replication/replica/replica-flow.js';
import { SUM_JOINT, SyncProgress } from '../src/replication/replica/sync-progress.js';
import { SimulatedServer } from '../test/simulation/server.js';
import { Flags } from '../test/support/flags.js';
import { readCpu } from './support/process.js';
import { median } from './support/statistics.js';

const SHARDS = 16;
const SHAPE = { shards: SHARDS, shardMebibytes: 8, ringBytes: 4 << 20 };
const HASH_KEY = { key0: 11, key1: 22, spread: 8 };
const WINDOW_BYTES = 2 << 20;
const LARGE_BYTES = 1 << 20;
const OUTPUT_BYTES = 4 << 20;
/** What a shard uses at the end of a round. */
const SHARD_TOUCHED_BYTES = 1 << 20;
/** What arrives at once on a flow. */
const PIECE_BYTES = 64 << 10;
const NOW_MS = 1_700_000_000_000;
const KEYS = 10_000;
/** So much fits into the journal. */
const TRANSACTIONS_MAX = 60_000;

const flags = new Flags(
  `usage: npm run bench:replay [-- options]
  --transactions N   of a round, ${TRANSACTIONS_MAX} at most (40000)
  --value N          bytes of a value, 200 at most (100)
  --flows N          connections of the replica (2)
  --rounds N         (9)`,
  { transactions: 'number', value: 'number', flows: 'number', rounds: 'number' },
);
const transactions = Math.min(TRANSACTIONS_MAX, flags.number('transactions', 40_000));
const value = 'v'.repeat(Math.min(200, flags.number('value', 100)));
const flows = flags.number('flows', 2);
const rounds = flags.number('rounds', 9);

interface Recording {
  /** LSNs where the streams begin. */
  readonly from: readonly number[];
  readonly heads: readonly number[];
  readonly keys: number;
  /** Of each flow: its bytes, in pieces. */
  readonly pieces: readonly (readonly Uint8Array[])[];
}

const newServer = (name: string) => {
  let ids = 0;
  return new SimulatedServer(name, SHAPE, HASH_KEY, () => String(ids++).padStart(40, '0'));
};

function shardsOf(flow: number): number[] {
  const streams = Array.from({ length: SHARDS + 1 }, (_, stream) => stream);
  return streams.filter((stream) => stream % flows === flow);
}

function record(): Recording {
  const primary = newServer('primary');
  primary.startJournal();
  const from = primary.heads();
  for (let i = 0; i < transactions; i++) {
    const [a, b] = [`a:${i % KEYS}`, `b:${(i * 7) % KEYS}`];
    primary.execute(NOW_MS, 0, 'MSET', a, value, b, value);
  }
  const heads = primary.heads();
  const session = new SyncSession(SyncSession.create(SHARDS + 1, false), SHARDS + 1, 1);
  session.acknowledged.set(from);
  const pieces = Array.from({ length: flows }, (_, flow) => {
    const options = { mine: shardsOf(flow), session, raw: true, from, half: null };
    const windowBytes = WINDOW_BYTES;
    return produceAll(new PrimaryFlow({ ...primary.primaryParts, ...options, windowBytes }));
  });
  return { from, heads, keys: primary.dump(NOW_MS).size, pieces };
}

function produceAll(flow: PrimaryFlow): Uint8Array[] {
  const out = new Region(new SharedArrayBuffer(OUTPUT_BYTES), 0);
  const pieces: Uint8Array[] = [];
  for (;;) {
    const length = flow.produce(out, 0, out.length);
    if (flow.failed !== null) throw new Error(flow.failed);
    if (length === 0) return pieces;
    for (let at = 0; at < length; at += PIECE_BYTES) {
      pieces.push(out.bytes.slice(at, Math.min(length, at + PIECE_BYTES)));
    }
  }
}

interface Replayed {
  readonly perSecond: number;
  /** Microseconds of this thread on a processor, for each transaction. */
  readonly cpuUs: number;
  /** Transactions over several shards. */
  readonly joint: number;
}

/** Nanoseconds that this thread, the process's first, has spent on a processor. */
function threadCpuNs(): number {
  return readCpu(process.pid).threads.get(String(process.pid)) ?? Number.NaN;
}

/** Writes to each page, so that the system gives it, and clears it, now. */
function touch(bytes: Uint8Array, length: number): void {
  for (let at = 0; at < length; at += PAGE_BYTES) bytes[at] = bytes[at]!;
}

/** Replays into a fresh replica. */
function replay({ from, heads, keys, pieces }: Recording): Replayed {
  const replica = newServer('replica');
  replica.rings.forEach((ring, i) => {
    ring.reset(from[i]!);
    touch(ring.region.bytes, heads[i]! - from[i]! + PAGE_BYTES);
  });
  for (const { region } of replica.shards.spaces) touch(region.bytes, SHARD_TOUCHED_BYTES);
  const progress = new SyncProgress(SyncProgress.create(SHARDS + 1, from), SHARDS + 1, 1);
  const memory = PendingStreams.create(SHARDS + 1, WINDOW_BYTES, LARGE_BYTES);
  touch(new Uint8Array(memory.windows), memory.windows.byteLength);
  const pending = new PendingStreams(memory, 1);
  const replicaFlows = pieces.map((_, flow) => {
    const parts = { ...replica.replicaParts(), primaryShards: SHARDS };
    return new ReplicaFlow({ ...parts, mine: shardsOf(flow), progress, pending });
  });
  const most = Math.max(...pieces.map((own) => own.length));
  const cpuBeforeNs = threadCpuNs();
  const started = performance.now();
  for (let i = 0; i < most; i++) {
    for (let flow = 0; flow < flows; flow++) {
      const piece = pieces[flow]![i];
      if (piece !== undefined) replicaFlows[flow]!.feed(piece, piece.length);
    }
  }
  const seconds = (performance.now() - started) / 1000;
  const cpuUs = (threadCpuNs() - cpuBeforeNs) / 1000 / transactions;
  for (const flow of replicaFlows) if (flow.failed !== null) throw new Error(flow.failed);
  if (heads.some((head, i) => progress.applied[i] !== head)) throw new Error('streams end early');
  if (replica.dump(NOW_MS).size !== keys) throw new Error('the replica has other keys');
  return { perSecond: transactions / seconds, cpuUs, joint: progress.sums[SUM_JOINT]! };
}

const recording = record();
const figures: number[] = [];
const cpuUs: number[] = [];
let joint = 0;
// The first round compiles the code.
for (let round = 0; round <= rounds; round++) {
  const result = replay(recording);
  joint = result.joint;
  if (round === 0) continue;
  figures.push(result.perSecond);
  cpuUs.push(result.cpuUs);
}
const show = (figure: number) => Math.round(figure).toLocaleString('en');
const share = ((joint / transactions) * 100).toFixed(0);
console.log(`${show(transactions)} transactions, ${share} % over two shards; ${flows} flows`);
console.log(`${show(median(figures))} transactions/s, one thread`);
console.log(`${show(Math.min(...figures))} - ${show(Math.max(...figures))} in ${rounds} rounds`);
const us = (figure: number) => `${figure.toFixed(2)} µs`;
const [least, most] = [us(Math.min(...cpuUs)), us(Math.max(...cpuUs))];
console.log(`${us(median(cpuUs))} of the processor for each (${least} - ${most})`);
