/** What flows of some kinds are told while they run. */
import type { MainToFlow } from '../channel/main-flow.js';
import type { JournalFlow } from './journal-flow.js';
import type { LoadedSegment } from './loaded-segment.js';
import type { ServedRedis } from './served-redis.js';

export function tellJournal(flow: JournalFlow, command: MainToFlow): void {
  if (command.kind === 'next-segment') flow.continueIn(command.place);
  else if (command.kind === 'segment-whole') flow.wholeSegment();
  else if (command.kind === 'sync-policy') flow.setPolicy(command.policy);
  else if (command.kind === 'base-whole') flow.count();
}

export function tellRedis(flow: ServedRedis, command: MainToFlow): void {
  if (command.kind === 'output-limit') flow.limit = command.limit;
}

export function tellSegment(flow: LoadedSegment, command: MainToFlow): void {
  if (command.kind === 'scan-segment' || command.kind === 'load-segment') flow.take(command);
}
