/**
 * `npm run bench:replication`: a full synchronisation of N keys × V bytes, watched, for Darter and
 * redis-server in turn; the replica is of the same kind as the primary. One system runs at a time:
 * two primaries and two replicas would share the cores. Any error ends the run without a table.
 */
import './support/fail-loudly.js';
import { Flags } from '../test/support/flags.js';
import { fill } from './load/generator.js';
import {
  fillTyped,
  keyCount,
  type TypedData,
  typedData,
  typedDifference,
} from './load/typed-data.js';
import { shortKeys } from './load/workload.js';
import { machineText, type Report, writeDocs, writeReport } from './report/files.js';
import { charts, type ReplicationResults, tables } from './report/replication.js';
import { busyBefore, describeMachine, quotedCommand } from './support/machine.js';
import { Server, type System } from './support/servers.js';
import { chosenSystems, systemFlags, systemUsage } from './support/systems.js';
import { type SyncMode, type SyncResult, watchSync } from './sync.js';
import { type TransactionsResult, watchTransactions } from './transactions.js';

/** Of the transactions: few enough that neither server grows by them for long. */
const TRANSACTION_KEYS = 200_000;
const allModes: readonly SyncMode[] = ['idle', 'paced', 'saturated'];

const usage = `usage: npm run bench:replication [-- options]
  --quick                 a million keys, one round: about a minute and a half
  --keys N                (5000000)
  --value N               bytes of a value (100)
  --rounds N              (3)
  --only WORD,WORD        only these: idle, paced (open loop), saturated (closed loop),
                          transactions (MSETs of two keys at full speed, beside a replica in sync)
  --rate N                requests per second of the paced mode (10000)
  --seconds N             how long the transactions last (10)
  --types WORD,WORD       full synchronisations of data of one type, idle; without --only nothing
                          else: all, strings, hashes, lists, sets, zsets, streams, small-hashes
  --megabytes N           of each type, as redis-server needs memory for it (1000)
${systemUsage}
  --write-docs            tables into docs/benchmarks.md, pictures into docs/pictures`;
const flags = new Flags(usage, {
  quick: 'switch',
  keys: 'number',
  value: 'number',
  rounds: 'number',
  only: 'text',
  rate: 'number',
  seconds: 'number',
  types: 'text',
  megabytes: 'number',
  'write-docs': 'switch',
  ...systemFlags,
});

const quick = flags.has('quick');
const keys = shortKeys(Math.round(flags.number('keys', quick ? 1_000_000 : 5_000_000)));
const valueBytes = flags.number('value', 100);
const rounds = flags.number('rounds', quick ? 1 : 3);
const perSecond = flags.number('rate', 10_000);
const words = flags.text('only', '').split(',').filter(Boolean);
const types = chosenTypes(flags.text('types', ''));
const megabytes = flags.number('megabytes', 1000);
const isEverything = words.length === 0 && types.length === 0;
const modes = allModes.filter((mode) => isEverything || words.includes(mode));
const withTransactions = isEverything || words.includes('transactions');
if (modes.length === 0 && !withTransactions && types.length === 0) {
  throw new Error(`--only knows ${allModes.join(', ')}, transactions`);
}
const seconds = flags.number('seconds', quick ? 4 : 10);
const systems = chosenSystems(flags);
const started = Date.now();
const busy = await busyBefore();

const syncs = new Map<SyncMode, Record<string, SyncResult[]>>();
for (const mode of modes) {
  syncs.set(mode, Object.fromEntries(systems.map((system) => [system.name, []])));
}
const transactions: Record<string, TransactionsResult[]> = {};
for (const { name } of systems) transactions[name] = [];
const typed = types.map((data) => ({
  data,
  syncs: Object.fromEntries(systems.map(({ name }) => [name, [] as SyncResult[]])),
}));
for (let round = 0; round < rounds; round++) {
  for (const system of systems) {
    if (modes.length > 0) await runRound(system, round);
    if (withTransactions) await runTransactions(system, round);
  }
  for (const { data, syncs } of typed) {
    for (const system of systems) syncs[system.name]!.push(await runTyped(system, data, round));
  }
}
publish();

/** @throws Error for a word that is no type */
function chosenTypes(text: string): readonly TypedData[] {
  const names = text.split(',').filter(Boolean);
  const known = typedData.map(({ name }) => name);
  const unknown = names.find((name) => name !== 'all' && !known.includes(name));
  if (unknown !== undefined) throw new Error(`--types knows all, ${known.join(', ')}`);
  return typedData.filter(({ name }) => names.includes('all') || names.includes(name));
}

function progress(text: string): void {
  const elapsed = ((Date.now() - started) / 1000).toFixed(0).padStart(4);
  process.stderr.write(`${elapsed} s  ${text}\n`);
}

/** One primary, filled once; a fresh replica for each mode. */
async function runRound(system: System, round: number): Promise<void> {
  const primary = await Server.start(system);
  try {
    const filled = await primary.guard(fill(primary.port, keys, valueBytes));
    progress(`round ${round + 1}: ${system.name} filled in ${filled.seconds.toFixed(1)} s`);
    for (const mode of modes) {
      const options = { mode, keys, valueBytes, perSecond };
      const sync = await watchSync(primary, system, options);
      syncs.get(mode)![system.name]!.push(sync);
      progress(`    ${mode.padEnd(9)} ${describe(sync)}`);
    }
  } finally {
    await primary.stop();
  }
}

/** One primary with data of one type, and a fresh replica. */
async function runTyped(system: System, data: TypedData, round: number): Promise<SyncResult> {
  const count = keyCount(data, megabytes);
  const primary = await Server.start(system);
  try {
    await primary.guard(fillTyped(primary.port, data, count));
    const sync = await watchSync(primary, system, {
      ...{ mode: 'idle', keys: shortKeys(count), valueBytes, perSecond },
      difference: (ours, theirs) => typedDifference(data, count, ours, theirs),
    });
    const cpu = (sync.primaryCpuSeconds + sync.replicaCpuSeconds).toFixed(2);
    const text = `${describe(sync)}, ${cpu} s of processors`;
    progress(`round ${round + 1}: ${system.name} ${data.name.padEnd(12)} ${text}`);
    return sync;
  } finally {
    await primary.stop();
  }
}

async function runTransactions(system: System, round: number): Promise<void> {
  const options = { keys: shortKeys(TRANSACTION_KEYS), valueBytes, seconds };
  const result = await watchTransactions(system, options);
  transactions[system.name]!.push(result);
  const lag = (result.lagBytesPeak / 2 ** 20).toFixed(1);
  const rate = Math.round(result.perSecond);
  const waited = `WAIT ${result.waitReply} after ${result.waitMs.toFixed(0)} ms`;
  progress(`round ${round + 1}: ${system.name} ${rate} transactions/s, ${lag} MiB lag, ${waited}`);
}

function describe(sync: SyncResult): string {
  const extra = (sync.extraBytesPeak / 2 ** 20).toFixed(0);
  const text = `${sync.linkUpSeconds.toFixed(2)} s, caught up ${sync.caughtUpSeconds.toFixed(2)} s`;
  const { during } = sync;
  if (during === undefined) return `${text}, ${extra} MiB extra`;
  const rate = Math.round(during.requests / during.seconds);
  return `${text}, ${extra} MiB extra, ${rate} requests/s, p99 ${during.p99.toFixed(2)} ms`;
}

function publish(): void {
  const results: ReplicationResults = {
    systems: systems.map((system) => system.name),
    keys: keys.count,
    valueBytes,
    perSecond,
    modes: modes.map((mode) => ({ mode, syncs: syncs.get(mode)! })),
    transactions: withTransactions ? transactions : null,
    types: typed.map(({ data, syncs }) => ({ name: data.name, syncs })),
    megabytes,
  };
  const words = process.argv.slice(2).filter((word) => word !== '--write-docs');
  const report: Report = {
    name: 'bench-replication',
    title: 'Full synchronisation, side by side',
    machine: describeMachine(systems, busy),
    command: quotedCommand('bench:replication', words),
    tables: tables(results),
    charts: charts(results),
    raw: { options: { rounds, quick }, ...results },
  };
  process.stdout.write(`${machineText(report)}\n\n${report.tables}\n\n`);
  for (const path of writeReport(report)) process.stdout.write(`${path}\n`);
  if (flags.has('write-docs')) writeDocs(report);
  progress('done');
}
