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
async function writeTransactions(machine: DiskMachine, count: number, shards = 8, flows = 3) {
  const shape = { shards, flows, policy: 'no', keep: 1 } as const;
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

/** One sync never ends: the `held`th that is begun, from now on. @returns of which file or folder, null for none */
function holdSync({ disk }: DiskMachine, held: number): () => string | null {
  const { before } = disk;
  let [begun, of] = [0, null as string | null];
  disk.before = async (operation, path) => {
    if (operation === 'sync' && begun++ === held) {
      of = path;
      await new Promise(() => {});
    }
    return before(operation, path);
  };
  return () => {
    disk.before = before;
    return of;
  };
}

/**
 * A server goes on with a journal, and rewrites it, while one sync never ends and all else does. Then the machine
 * crashes, and the server starts again.
 * @returns of which file or folder that sync was, null when there were not so many
 */
async function startAfterHeldSync(held: number, seed: number): Promise<string | null> {
  const machine = new DiskMachine(new Random(seed));
  const { shape: written, heads } = await writeTransactions(machine, 3, 2, 2);
  const shape = { ...written, policy: 'everysec' } as const;
  const load = () => {
    machine.isStarting = true;
    return loadFromJournal(machine, shape, () => {}).finally(() => {
      machine.isStarting = false;
    });
  };
  const { server, history } = (await load())!;
  assert.deepEqual(history.lsns, heads);
  server.startJournal();
  for (const [stream, ring] of server.rings.entries()) ring.reset(heads[stream]!);
  const name = () => simulatedName(9);
  const files = new DiskFiles(machine, shape, server, name, '2'.padStart(40, '0'));
  const release = holdSync(machine, held);
  files.continueChain(history.chain!.chain, history.chain!.lastSegment);
  for (let i = 0; i < 60; i++) {
    await machine.pass(40);
    if (i === 20 && !files.isAtWork) files.rewrite();
  }
  machine.stop();
  files.abort();
  await machine.restart();
  machine.disk.crash();
  const of = release();
  const again = await load();
  assert.deepEqual(again?.history.lsns, heads, `after a crash while ${of} is synced`);
  again.server.check();
  return of;
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

  it('are loaded after a crash before any one sync of a file or of a folder has ended', async () => {
    const synced = new Set<string>();
    for (let seed = 1; seed <= 3; seed++) {
      for (let held = 0; ; held++) {
        const of = await startAfterHeldSync(held, seed);
        if (of === null) break;
        synced.add(of.replace(/\d{13}-[0-9a-f]{6}/, 'name'));
      }
    }
    const ofFlows = (file: (flow: number) => string) => [0, 1].map(file);
    const files = [
      ...ofFlows((flow) => `/journal/aof.1.2.${flow}.segment`),
      ...ofFlows((flow) => `/journal/aof.1.3.${flow}.segment`),
      ...ofFlows((flow) => `/journal/aof.1.base.name.${flow}`),
      '/journal/aof.1.base.new',
    ];
    for (const path of ['/journal', ...files]) assert.ok(synced.has(path), `${path} was synced`);
  });
});
