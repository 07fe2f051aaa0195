/**
 * `npm run bench`: Darter and redis-server (and other programs) side by side. Both run all the
 * time; each case takes turns (A, B, A, B, ...), and a ratio is only taken within a round, so that
 * a machine that gets slower meanwhile slows both. Any error ends the run without a table.
 */
import './support/fail-loudly.js';
import { setTimeout as sleep } from 'node:timers/promises';
import { Flags } from '../test/support/flags.js';
import { allCases, type Case, caseTitle, groupTitles, matches, quickCases } from './cases.js';
import { measureShape, type ShapeResult, shapes } from './collection-memory.js';
import { fill } from './load/generator.js';
import { shortKeys } from './load/workload.js';
import { prepare, type Run, runCase, verify } from './measure.js';
import { machineText, type Report, writeDocs, writeReport } from './report/files.js';
import {
  type CaseResult,
  charts,
  type MemoryResult,
  type SideBySide,
  tables,
} from './report/side-by-side.js';
import { busyBefore, describeMachine, quotedCommand } from './support/machine.js';
import { residentBytes } from './support/process.js';
import { Server, type System } from './support/servers.js';
import { chosenSystems, systemFlags, systemUsage } from './support/systems.js';

const usage = `usage: npm run bench [-- options]
  --quick                 about a minute: fewer cases, shorter runs
  --only WORD,WORD        only these commands (set get mset incr mixed lpush rpop ...) or groups (single
                          pipeline16 pipeline64 large values connections collection collections
                          streams blocking tracking open memory collection-memory)
  --rounds N              rounds of each case (3)
  --seconds N             length of a run, by the baseline's speed (2)
  --requests N            length of a run in requests instead
  --memory-keys N         keys of the memory case (5000000)
${systemUsage}
  --write-docs            tables into docs/benchmarks.md, pictures into docs/pictures`;
const flags = new Flags(usage, {
  quick: 'switch',
  only: 'text',
  rounds: 'number',
  seconds: 'number',
  requests: 'number',
  'memory-keys': 'number',
  'write-docs': 'switch',
  ...systemFlags,
});

const MEMORY_VALUE_BYTES = 100;
const MEMORY_ROUNDS_MAX = 2;
/** Requests come in multiples of this: every connection's pipelines are whole. */
const REQUESTS_STEP = 3200;

const quick = flags.has('quick');
const rounds = flags.number('rounds', quick ? 2 : 3);
const seconds = flags.number('seconds', quick ? 1 : 2);
const words = flags.text('only', '').split(',').filter(Boolean);
const systems = chosenSystems(flags);
const started = Date.now();
const busy = await busyBefore();

const wantsMemory = (group: string): boolean => words.length === 0 || words.includes(group);
const memory = wantsMemory('memory') ? await measureMemory() : undefined;
const collectionMemory =
  wantsMemory('collection-memory') && !quick ? await measureCollectionMemory() : [];
const cases = await measureCases(
  (quick ? quickCases : allCases).filter((item) => matches(item, words)),
);
const results: SideBySide = {
  systems: systems.map((system) => system.name),
  cases,
  collectionMemory,
  ...(memory === undefined ? {} : { memory }),
};
if (cases.length + collectionMemory.length === 0 && memory === undefined) {
  throw new Error(`--only ${words}: no such case`);
}
publish(results);

function progress(text: string): void {
  const elapsed = ((Date.now() - started) / 1000).toFixed(0).padStart(4);
  process.stderr.write(`${elapsed} s  ${text}\n`);
}

async function measureCases(chosen: readonly Case[]): Promise<CaseResult[]> {
  if (chosen.length === 0) return [];
  const servers: Server[] = [];
  try {
    for (const system of systems) servers.push(await Server.start(system));
    const measured: CaseResult[] = [];
    for (const [i, item] of chosen.entries()) {
      progress(`${i + 1}/${chosen.length} ${caseTitle(item)}: ${groupTitles[item.group]}`);
      measured.push(await measureCase(servers, item));
    }
    return measured;
  } finally {
    for (const server of servers) await server.stop();
  }
}

async function measureCase(servers: readonly Server[], item: Case): Promise<CaseResult> {
  const runs: Record<string, Run[]> = {};
  const requests = await warmUp(servers, item);
  for (const server of servers) {
    // Counters begin at nothing; of the others the warm-up has left every key in place.
    if (item.command === 'incr') await prepare(server, item);
    runs[server.name] = [];
  }
  for (let round = 0; round < rounds; round++) {
    const shown: string[] = [];
    for (const server of servers) {
      const run = await runCase(server, item, requests);
      runs[server.name]!.push(run);
      shown.push(
        `${server.name} ${Math.round(run.perSecond)}/s ${run.cpuMicroseconds.toFixed(2)} µs`,
      );
    }
    progress(`    round ${round + 1}: ${shown.join(', ')}`);
  }
  for (const server of servers) {
    const sum = runs[server.name]!.reduce((total, run) => total + run.requests, 0);
    await verify(server, item, sum);
  }
  return { item, runs };
}

/** Short runs on each server; the baseline's speed says how many requests fill the time wanted. */
async function warmUp(servers: readonly Server[], item: Case): Promise<number> {
  if (item.perSecond > 0) {
    for (const server of servers) {
      await prepare(server, item);
      await runCase(server, item, Math.round(item.perSecond / 2));
    }
    return Math.round(item.perSecond * seconds * 2);
  }
  let requests = wholeSteps(3200 * Math.min(8, item.pipeline));
  for (const [i, server] of servers.entries()) {
    await prepare(server, item);
    const run = await runCase(server, item, requests);
    if (i > 0) continue;
    // Everyone warms up with a fifth of the length measured, the baseline too.
    requests = wholeSteps((run.perSecond * seconds) / 5);
    await runCase(server, item, requests);
  }
  return flags.number('requests', wholeSteps(requests * 5));
}

function wholeSteps(requests: number): number {
  return Math.max(1, Math.round(requests / REQUESTS_STEP)) * REQUESTS_STEP;
}

async function measureMemory(): Promise<MemoryResult> {
  const keys = Math.round(flags.number('memory-keys', quick ? 1_000_000 : 5_000_000));
  const bytesPerKey: Record<string, number[]> = {};
  const fillSeconds: Record<string, number[]> = {};
  progress(`memory: ${keys} keys of 11 B with values of ${MEMORY_VALUE_BYTES} B`);
  for (let round = 0; round < Math.min(rounds, MEMORY_ROUNDS_MAX); round++) {
    for (const system of systems) {
      const once = await memoryRound(system, keys);
      bytesPerKey[system.name] = [...(bytesPerKey[system.name] ?? []), once.bytesPerKey];
      fillSeconds[system.name] = [...(fillSeconds[system.name] ?? []), once.seconds];
      progress(`    round ${round + 1}: ${system.name} ${once.bytesPerKey.toFixed(1)} B a key`);
    }
  }
  return { keys, valueBytes: MEMORY_VALUE_BYTES, bytesPerKey, fillSeconds };
}

async function measureCollectionMemory(): Promise<ShapeResult[]> {
  const measured: ShapeResult[] = [];
  for (const shape of shapes) {
    progress(`memory: ${shape.title}`);
    const result = await measureShape(shape, systems, Math.min(rounds, MEMORY_ROUNDS_MAX));
    measured.push(result);
    const shown = Object.entries(result.bytes).map(
      ([name, bytes]) => `${name} ${bytes.map((one) => one.toFixed(1)).join(' and ')} B`,
    );
    progress(`    ${shown.join(', ')}`);
  }
  return measured;
}

async function memoryRound(
  system: System,
  keys: number,
): Promise<{ bytesPerKey: number; seconds: number }> {
  const server = await Server.start(system);
  try {
    const before = residentBytes(server.pid);
    const filled = await server.guard(fill(server.port, shortKeys(keys), MEMORY_VALUE_BYTES));
    const client = await server.client();
    const size = await server.guard(client.command('DBSIZE'));
    client.close();
    if (size !== keys) throw new Error(`${system.name} has ${size} keys instead of ${keys}`);
    await server.guard(sleep(1000));
    const bytesPerKey = (residentBytes(server.pid) - before) / keys;
    return { bytesPerKey, seconds: filled.seconds };
  } finally {
    await server.stop();
  }
}

function publish(measured: SideBySide): void {
  const words = process.argv.slice(2).filter((word) => word !== '--write-docs');
  const report: Report = {
    name: 'bench',
    title: `${measured.systems.slice(1).join(', ')} beside ${measured.systems[0]}`,
    machine: describeMachine(systems, busy),
    command: quotedCommand('bench', words),
    tables: tables(measured),
    charts: charts(measured),
    raw: { options: { rounds, seconds, quick }, ...measured },
  };
  process.stdout.write(`${machineText(report)}\n\n${report.tables}\n\n`);
  for (const path of writeReport(report)) process.stdout.write(`${path}\n`);
  if (flags.has('write-docs')) writeDocs(report);
  progress('done');
}
