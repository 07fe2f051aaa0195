/**
 * oom-score-adj: whom the system ends first when memory is short, as a number that a process has. It is
 * written by the thread that runs CONFIG SET, before the change is in force, so that what the system
 * refuses changes nothing; and by the main thread, at the start and with each change of role.
 *
 * The number that the process had before is kept where all threads see it: `relative` counts from there,
 * and `no` brings it back. The third score of oom-score-adj-values is for Redis's child processes: there
 * are none here.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import type { Log } from '../../base/log.js';
import { systemErrorText } from '../../base/system-error.js';
import type { ControlBlock } from '../../memory/control.js';
import { OOM_SCORE, OOM_SCORE_BEFORE } from './process-figures.js';

const FILE = '/proc/self/oom_score_adj';
const SCORE_MAX = 1000;
const FAILED = 'Failed to set current oom_score_adj. Check server logs.';
const NOT_OURS = "a server within another program's process has no process to change";
const UNSORTED =
  'The oom-score-adj-values configuration may not work for non-privileged processes! ' +
  'Please consult the documentation.';

/** OOM_SCORE: whether the score is this server's to write, and whether it has. */
const NOT_OWNED = 0;
const AS_IT_WAS = 1;
const WRITTEN = 2;

type Value = (name: string) => string;

/** The configuration, as far as this asks to be asked. */
interface Guarded {
  guardGroup(
    belongs: (name: string) => boolean,
    guard: (value: Value, first: string) => string | null,
  ): void;
}

export class OomScore {
  constructor(
    private readonly control: ControlBlock,
    private readonly log: Log,
  ) {}

  /** On the main thread of a server that has a process of its own. */
  own(): void {
    this.control.word(OOM_SCORE).store(AS_IT_WAS);
  }

  /** CONFIG SET on this thread is refused where the system refuses it. */
  guard(config: Guarded, isReplica: () => boolean): void {
    const belongs = (name: string) => name.startsWith('oom-score-adj');
    config.guardGroup(belongs, (value) => {
      const scores = scoresOf(value);
      if (scores.some((score, i) => i > 0 && score < scores[i - 1]!)) this.log.warning(UNSORTED);
      const isOwned = this.control.word(OOM_SCORE).load() !== NOT_OWNED;
      if (!isOwned) return value('oom-score-adj') === 'no' ? null : NOT_OURS;
      return this.apply(value, isReplica()) ? null : FAILED;
    });
  }

  /** @returns whether the system took it; the log says why not */
  apply(value: Value, isReplica: boolean): boolean {
    const { control } = this;
    const state = control.word(OOM_SCORE);
    const mode = value('oom-score-adj');
    const isOff = mode === 'no';
    if (state.load() === NOT_OWNED || (isOff && state.load() === AS_IT_WAS)) return true;
    if (state.load() === AS_IT_WAS) {
      const before = this.attempt('read', () => Number(readFileSync(FILE, 'latin1')));
      if (before === null) return false;
      control.set(OOM_SCORE_BEFORE, before);
    }
    const before = control.get(OOM_SCORE_BEFORE);
    const score = scoresOf(value)[isReplica ? 1 : 0]! + (mode === 'absolute' ? 0 : before);
    const wanted = isOff ? before : Math.max(-SCORE_MAX, Math.min(SCORE_MAX, score));
    state.store(isOff ? AS_IT_WAS : WRITTEN);
    return this.attempt('write', () => writeFileSync(FILE, `${wanted}\n`)) !== null;
  }

  private attempt<T>(verb: string, work: () => T): T | null {
    try {
      return work();
    } catch (error) {
      this.log.warning(`Unable to ${verb} oom_score_adj: ${systemErrorText(error)}`);
      return null;
    }
  }
}

function scoresOf(value: Value): number[] {
  return value('oom-score-adj-values').split(' ').map(Number);
}
