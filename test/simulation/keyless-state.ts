/**
 * What the stream without keys makes on a server of the simulation: notes, of which the last one of
 * each name counts, and messages, which come one after the other. None may be lost, doubled or come
 * out of order within a history.
 */
import { toBinary } from '../../src/base/region.js';
import { KeylessStream } from '../../src/journal/keyless-stream.js';
import type { JournalRing } from '../../src/journal/ring.js';
import { lockRing, unlockRing } from '../../src/journal/ring-lock.js';
import type { Arguments } from '../../src/protocol/parser.js';
import type { KeylessRecords } from '../../src/replication/primary/keyless-shipment.js';
import { KeylessEffects } from '../../src/server/flow-thread/keyless-effects.js';
import { argumentVector } from '../support/argument-vector.js';

const OWNER = 1;

export class SimulatedKeyless {
  readonly notes = new Map<string, string>();
  /** Number of the last message. */
  lastMessage = 0;
  readonly stream: KeylessStream;
  readonly effects: KeylessEffects;

  constructor(
    private readonly ring: JournalRing,
    number: number,
  ) {
    this.stream = new KeylessStream(ring, number, OWNER);
    this.effects = new KeylessEffects([
      {
        name: 'NOTE',
        apply: (args) => this.applyNote(args),
        clear: () => this.notes.clear(),
        describe: (records) => this.describeNotes(records),
      },
      {
        name: 'MESSAGE',
        apply: (args) => this.applyMessage(Number(word(args, 1))),
        clear: () => {
          this.lastMessage = 0;
        },
      },
      {
        name: 'LAST',
        apply: (args) => this.applyLast(Number(word(args, 1))),
        describe: (records) => records.beginKeyless('LAST').word(String(this.lastMessage)).end(),
      },
    ]);
  }

  note(name: string, value: string): void {
    this.stream.append(argumentVector(['NOTE', name, value]), 0, () => this.notes.set(name, value));
  }

  message(): void {
    const number = this.lastMessage + 1;
    // The words before the first one are not part of the effect.
    this.stream.append(argumentVector(['any', 'MESSAGE', String(number)]), 1, () => {
      this.lastMessage = number;
    });
  }

  /** A note whose effect is lost. */
  loseNote(name: string, value: string): void {
    lockRing(this.ring, OWNER);
    this.notes.set(name, value);
    if (this.stream.isOn) this.ring.loseHistory();
    unlockRing(this.ring);
  }

  private applyNote(args: Arguments): string | null {
    if (args.count !== 3) return `a note of ${args.count} words`;
    this.notes.set(word(args, 1), word(args, 2));
    return null;
  }

  private applyMessage(number: number): string | null {
    if (number !== this.lastMessage + 1) return `message ${number} after ${this.lastMessage}`;
    this.lastMessage = number;
    return null;
  }

  private applyLast(number: number): string | null {
    this.lastMessage = number;
    return null;
  }

  private describeNotes(records: KeylessRecords): void {
    for (const [name, value] of this.notes) {
      records.beginKeyless('NOTE').word(name).word(value).end();
    }
  }
}

function word(args: Arguments, index: number): string {
  return toBinary(args.region, args.offset[index]!, args.length[index]!);
}
