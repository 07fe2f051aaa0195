import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Random } from '../support/random.js';
import { DiskFiles, loadFromJournal, newServer, simulatedName } from './disk-files.js';
import { DiskMachine } from './disk-machine.js';
import { simulateDisk } from './disk-simulate.js';

const NOW_MS = 1_700_000_000_000;
const KEYS = 16;
/** Of all files: their heads and tails, and their bytes twice. */
const READS_MAX = 60;

/** A journal of transactions over all flows, each of which comes to the files by itself. */
async function writeTransactions(machine: DiskMachine, count: number) {
  const shape = { shards: 8, flows: 3, policy: 'no', keep: 1 } as const;
  const server = newServer(shape.shards);
  server.startJournal();
  let names = 0;
  const newName = () => simulatedName(++names);
  const files = new DiskFiles(machine, shape, server, newName, '1'.padStart(40, '0'));
  files.beginChain();
  await machine.until(() => !files.isAtWork);
  for (let i = 0; i < count; i++) {
    const words = Array.from({ length: KEYS }, (_, key) => [`key${key}`, `value${i}`]).flat();
    server.execute(NOW_MS, 0, 'MSET', ...words);
    await machine.pass(6);
  }
  await files.end();
  machine.stop();
  files.abort();
  await machine.restart();
  return { shape, heads: [...server.heads()] };
}

describe('a journal and snapshots on a disk that loses, tears and refuses', () => {
  it('have after every crash what was acknowledged or saved, and transactions whole', async () => {
    const summary = await simulateDisk(1, 16, 250);
    assert.match(summary, /acknowledged [1-9].* rewrites [1-9].* snapshots [1-9].* roles [1-9]/);
  });

  it('are read in large pieces, however many transactions the flows have written', async () => {
    const machine = new DiskMachine(new Random(1));
    const { shape, heads } = await writeTransactions(machine, 300);
    machine.isStarting = true;
    machine.readsUntilFailure = READS_MAX;
    const loaded = await loadFromJournal(machine, shape, () => {});
    assert.deepEqual(loaded?.history.lsns, heads);
    assert.ok(loaded.server.dump(NOW_MS).size >= KEYS);
  });
});
