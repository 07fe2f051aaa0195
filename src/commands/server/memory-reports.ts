/** MEMORY STATS, DOCTOR and MALLOC-STATS: where the memory is, for programs and for people. */
import type { Context } from '../contract/context.js';
import type { CommandDefinition } from '../contract/definition.js';
import type { MemoryFigures } from '../contract/server-port.js';

interface KeyCounts {
  readonly database: number;
  readonly keys: number;
  readonly expiring: number;
}

/** The databases that hold keys. Counts are read without locks and may be one write old. */
function countKeys({ keys: { shards } }: Context): KeyCounts[] {
  const counts: KeyCounts[] = [];
  for (let database = 0; database < shards.databases; database++) {
    let keys = 0;
    let expiring = 0;
    for (let shard = 0; shard < shards.count; shard++) {
      const table = shards.table(shard, database);
      keys += table.size;
      expiring += table.expiring;
    }
    if (keys > 0) counts.push({ database, keys, expiring });
  }
  return counts;
}

/** What a table keeps for an entry besides its bytes: its slot, at the usual load. */
const SLOT_BYTES = 4;
const EXPIRY_BYTES = 8;

function writeDatabase(reply: Context['reply'], { database, keys, expiring }: KeyCounts): void {
  reply.bulkText(`db.${database}`);
  reply.map(3);
  reply.bulkText('overhead.hashtable.main');
  reply.integer(keys * SLOT_BYTES);
  reply.bulkText('overhead.hashtable.expires');
  reply.integer(expiring * EXPIRY_BYTES);
  reply.bulkText('overhead.hashtable.slot-to-keys');
  reply.integer(0);
}

function percentOf(part: number, whole: number): number {
  return whole > 0 ? (part / whole) * 100 : 0;
}

/** Fields whose names say what they hold: integers, then floating point ones. */
function integerFields(figures: MemoryFigures): readonly (readonly [string, number])[] {
  return [
    ['peak.allocated', figures.peak],
    ['total.allocated', figures.used],
    ['startup.allocated', figures.startup],
    ['replication.backlog', 0],
    ['clients.slaves', 0],
    ['clients.normal', figures.clients],
    ['cluster.links', 0],
    ['aof.buffer', 0],
    ['lua.caches', 0],
    ['functions.caches', 0],
  ];
}

function trailingFields(
  figures: MemoryFigures,
  keys: number,
): readonly (readonly [name: string, value: number, isDouble: boolean])[] {
  const { dataset, used, peak, startup, overhead, resident } = figures;
  const needed = used + figures.process;
  return [
    ['overhead.total', overhead, false],
    ['keys.count', keys, false],
    ['keys.bytes-per-key', keys > 0 ? Math.floor(dataset / keys) : 0, false],
    ['dataset.bytes', dataset, false],
    ['dataset.percentage', percentOf(dataset, used - startup), true],
    ['peak.percentage', percentOf(used, peak), true],
    ['allocator.allocated', used, false],
    ['allocator.active', used, false],
    ['allocator.resident', resident, false],
    ['allocator-fragmentation.ratio', 1, true],
    ['allocator-fragmentation.bytes', 0, false],
    ['allocator-rss.ratio', needed > 0 ? resident / needed : 0, true],
    ['allocator-rss.bytes', resident - needed, false],
    ['rss-overhead.ratio', 1, true],
    ['rss-overhead.bytes', 0, false],
    ['fragmentation', needed > 0 ? resident / needed : 0, true],
    ['fragmentation.bytes', resident - needed, false],
  ];
}

export const memoryStats: CommandDefinition = {
  name: 'memory|stats',
  summary: 'Tells where the memory is, field by field',
  since: '4.0.0',
  group: 'server',
  complexity: 'O(1)',
  arity: 2,
  flags: [],
  tips: ['nondeterministic_output', 'request_policy:all_shards', 'response_policy:special'],
  locks: 'none',
  run(context) {
    const { reply, server } = context;
    const figures = server.memory.figures();
    const databases = countKeys(context);
    const leading = integerFields(figures);
    const keys = databases.reduce((sum, counts) => sum + counts.keys, 0);
    const trailing = trailingFields(figures, keys);
    reply.map(leading.length + databases.length + trailing.length);
    for (const [name, value] of leading) {
      reply.bulkText(name);
      reply.integer(value);
    }
    for (const counts of databases) writeDatabase(reply, counts);
    for (const [name, value, isDouble] of trailing) {
      reply.bulkText(name);
      if (isDouble) reply.double(value);
      else reply.integer(value);
    }
  },
};

const MEBIBYTE = 1024 * 1024;
/** Below this much data the ratios say nothing. */
const DATASET_BYTES_MIN = 5 * MEBIBYTE;
const PEAK_RATIO_MAX = 1.5;
const RESIDENT_RATIO_MAX = 1.4;

function diagnosis(figures: MemoryFigures): string {
  const { dataset, used, peak, resident, system } = figures;
  if (dataset < DATASET_BYTES_MIN) return 'There is too little data to judge by.\n';
  const findings: string[] = [];
  if (peak > used * PEAK_RATIO_MAX) {
    findings.push(
      `At its peak the server used ${(peak / used).toFixed(1)} times what it uses now. ` +
        'Memory freed is given back to the system page by page; MEMORY PURGE hurries that.',
    );
  }
  const needed = used + figures.process;
  if (resident > needed * RESIDENT_RATIO_MAX) {
    findings.push(
      `The process occupies ${(resident / needed).toFixed(1)} times what it needs. ` +
        'Much data may have been deleted: MEMORY PURGE gives free pages back.',
    );
  }
  if (used > system * 0.9) {
    findings.push('The data fill nearly all of the machine: set maxmemory before it swaps.');
  }
  if (findings.length === 0) return 'No problem found.\n';
  return findings.map((finding) => `- ${finding}\n`).join('');
}

export const memoryDoctor: CommandDefinition = {
  name: 'memory|doctor',
  summary: 'Looks for problems with memory',
  since: '4.0.0',
  group: 'server',
  complexity: 'O(1)',
  arity: 2,
  flags: [],
  tips: ['nondeterministic_output', 'request_policy:all_shards', 'response_policy:special'],
  locks: 'none',
  run({ reply, server }) {
    reply.verbatim('txt', diagnosis(server.memory.figures()));
  },
};

function shardLine({ keys: { shards } }: Context, shard: number): string {
  let entries = 0;
  let live = 0;
  let pages = 0;
  let frames = 0;
  for (let database = 0; database < shards.databases; database++) {
    const table = shards.table(shard, database);
    entries += table.size;
    live += table.liveBytes;
    pages += table.allocatedPages;
    frames += table.frames;
  }
  return `${shard}\t${entries}\t${live}\t${pages}\t${frames}\n`;
}

export const memoryMallocStats: CommandDefinition = {
  name: 'memory|malloc-stats',
  summary: 'Tells what the page allocator of every shard holds',
  since: '4.0.0',
  group: 'server',
  complexity: 'Depends on how much memory is allocated, could be slow',
  arity: 2,
  flags: [],
  tips: ['nondeterministic_output', 'request_policy:all_shards', 'response_policy:special'],
  locks: 'none',
  run(context) {
    const { shards } = context.keys;
    let text = 'shard\tkeys\tlive bytes\tpages\tframes\n';
    for (let shard = 0; shard < shards.count; shard++) text += shardLine(context, shard);
    context.reply.verbatim('txt', text);
  },
};
