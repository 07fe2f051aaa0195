/**
 * The control block of the server: the one list of all that its threads share besides the data. Each
 * module here is a subject's; whatever it declares has a place in every thread.
 */
import * as clientPause from '../../engine/client-pause.js';
import * as engine from '../../engine/counters.js';
import * as pubsub from '../../engine/pubsub/counters.js';
import * as tracking from '../../engine/tracking/counters.js';
import * as journal from '../../journal/counters.js';
import * as keyspace from '../../keyspace/counters.js';
import { ControlBlock } from '../../memory/control.js';
import { ControlLayout, type Declaration } from '../../memory/control-layout.js';
import * as memory from '../../memory/used-pages.js';
import * as net from '../../net/counters.js';
import * as replication from '../../replication/counters.js';
import * as journalFiles from './journal-figures.js';
import * as persistence from './persistence-figures.js';
import * as figures from './process-figures.js';

const SUBJECTS: readonly object[] = [
  memory,
  keyspace,
  engine,
  clientPause,
  pubsub,
  tracking,
  journal,
  replication,
  net,
  persistence,
  journalFiles,
  figures,
];

function isDeclaration(value: unknown): value is Declaration {
  return typeof value === 'object' && value !== null && 'kind' in value && 'name' in value;
}

/** A module lists its exports by name, so that their order is the same in every thread. */
export const CONTROL_LAYOUT = new ControlLayout(
  SUBJECTS.flatMap((subject) => Object.values(subject).filter(isDeclaration)),
);

/** @param commands how many the registry holds, subcommands included */
export function createControl(threads: number, commands: number): ControlBlock {
  return ControlBlock.create(CONTROL_LAYOUT, threads, commands);
}

export function attachControl(
  buffer: SharedArrayBuffer,
  threads: number,
  commands: number,
): ControlBlock {
  return ControlBlock.attach(buffer, CONTROL_LAYOUT, threads, commands);
}
