/**
 * `npm run bench:replication`: a full synchronisation of N keys × V bytes, watched, for Darter and
 * redis-server in turn; the replica is of the same kind as the primary. One system runs at a time:
 * two primaries and two replicas would share the cores. Any error ends the run without a table.
 */
import './support/fail-loudly.js';
import { fill } from './load/generator.js';
import { shortKeys } from './load/workload.js';
import { machineText, type Report, writeDocs, writeReport } from './report/files.js';
import { charts, type ReplicationResults, tables } from './report/replication.js';
import { Flags } from './support/flags.js';
import { busyBefore, describeMachine, quotedCommand } from './support/machine.js';
import { Server, type System } from './support/servers.js';
import { chosenSystems, systemFlags, systemUsage } from './support/systems.js';
import { type SyncMode, type SyncResult, watchSync } from './sync.js';

const allModes: readonly SyncMode[] = ['idle', 'paced', 'saturated'];

const usage = `usage: npm run bench:replication [-- options]
  --quick                 a million keys, one round: about a minute and a half
  --keys N                (5000000)
  --value N               bytes of a value (100)
  --rounds N              (3)
  --only WORD,WORD        only these: idle, paced (open loop), saturated (closed loop)
  --rate N                requests per second of the paced mode (10000)
${systemUsage}
  --write-docs            tables into docs/benchmarks.md, pictures into docs/pictures`;
const flags = new Flags(usage, {
  quick: 'switch',
  keys: 'number',
  value: 'number',
  rounds: 'number',
  only: 'text',
  rate: 'number',
  'write-docs': 'switch',
  ...systemFlags,
});

const quick = flags.has('quick');
const keys = shortKeys(Math.round(flags.number('keys', quick ? 1_000_000 : 5_000_000)));
const valueBytes = flags.number('value', 100);
const rounds = flags.number('rounds', quick ? 1 : 3);
const perSecond = flags.number('rate', 10_000);
const words = flags.text('only', '').split(',').filter(Boolean);
const modes = allModes.filter((mode) => words.length === 0 || words.includes(mode));
if (modes.length === 0) throw new Error(`--only knows ${allModes.join(', ')}`);
const systems = chosenSystems(flags);
const started = Date.now();
const busy = await busyBefore();

const syncs = new Map<SyncMode, Record<string, SyncResult[]>>();
for (const mode of modes) {
  syncs.set(mode, Object.fromEntries(systems.map((system) => [system.name, []])));
}
for (let round = 0; round < rounds; round++) {
  for (const system of systems) await runRound(system, round);
}
publish();

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
