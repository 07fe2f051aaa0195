/**
 * The script under way on this thread: what it may do, what it has done, how long it runs, and what
 * other threads ask of it. Its state is told to all threads once it has run for too long:
 *
 *     IDLE ─▶ (runs) ──limit──▶ SLOW ──writes──▶ WROTE ─▶ IDLE
 *                                 └──KILL──▶ KILLED ─▶ IDLE
 *
 * SLOW becomes WROTE or KILLED by an exchange, so that a script that was killed never writes.
 */
import type { ArgumentVector } from '../../base/arguments.js';
import type { RunningScript } from '../../commands/contract/server-port.js';
import type { SharedStates } from '../../memory/shared-states.js';
import { argumentsBinary } from '../../protocol/text.js';
import { ScriptAbort } from '../../scripting/environment.js';
import { levelOf } from '../../scripting/runtime/positions.js';

export type ScriptKind = 'script' | 'function';

const IDLE = 0;
const SLOW = { script: 1, function: 2 } as const;
const WROTE = { script: 3, function: 4 } as const;
const KILLED = { script: 5, function: 6 } as const;

/** Words of a command that are told of it. */
const DESCRIBED_WORDS_MAX = 128;
/** How often a script's thread answers other threads while it runs. */
const SERVE_EVERY_MS = 5;

/** The script has changed nothing and is to start over, with the order lock. */
export class StartOver extends ScriptAbort {
  constructor() {
    super('start over');
  }
}

/** SCRIPT KILL, FUNCTION KILL. */
export class Killed extends ScriptAbort {
  /** Where it was. */
  readonly line = levelOf(1)?.site?.line ?? 0;

  constructor() {
    super('killed');
  }
}

/** The server ends, and with it the script. */
export class Ended extends ScriptAbort {
  constructor() {
    super('the server ends');
  }
}

export interface RunBounds {
  /** busy-reply-threshold in milliseconds; 0 is none. */
  readonly slowAfterMs: () => number;
  /** Serves what cannot wait for the script's end. @returns whether the server ends */
  readonly serve: () => boolean;
  /** Serves this thread's clients while a script runs for too long. */
  readonly attend: (isFirst: boolean) => void;
  readonly warn: (text: string) => void;
}

export class ScriptRun {
  /** What errors, the log and FUNCTION STATS call it. */
  name = '';
  kind: ScriptKind = 'script';
  isRunning = false;
  isReadOnly = false;
  allowsOom = false;
  /** It may touch keys that it did not declare. */
  isOpen = false;
  hasWritten = false;
  /** redis.set_repl: whether replicas get what its commands do. */
  isReplicated = true;
  /** RESP version of the replies that it sees. */
  resp: 2 | 3 = 2;
  /** When it was first seen to take time; 0 for a short script, which needs no look at the clock. A double. */
  startMs = Number.NaN;
  isServing = false;
  /** Of the command that runs it. */
  args: ArgumentVector | null = null;
  private isSlow = false;
  private hasAttended = false;
  private nextServeMs = Number.NaN;

  constructor(
    private readonly states: SharedStates,
    private readonly thread: number,
    private readonly bounds: RunBounds,
  ) {}

  /** @param args of the command that runs it; they stay as they are until its end */
  begin(kind: ScriptKind, name: string, args: ArgumentVector): void {
    this.kind = kind;
    this.name = name;
    this.args = args;
    this.isRunning = true;
    this.hasWritten = false;
    this.isReplicated = true;
    this.resp = 2;
    this.isSlow = false;
    this.hasAttended = false;
    this.startMs = 0;
  }

  /** It is about to do what may take its time. */
  noteStart(): void {
    if (this.startMs !== 0) return;
    this.startMs = performance.now();
    this.nextServeMs = this.startMs + SERVE_EVERY_MS;
  }

  /** What runs, once it has run for too long. */
  describe(): RunningScript | null {
    const { kind, name, args, startMs } = this;
    if (!this.isSlow || args === null) return null;
    const command = argumentsBinary(args, 0, DESCRIBED_WORDS_MAX);
    return { kind, name, command, milliseconds: Math.floor(performance.now() - startMs) };
  }

  end(): void {
    this.isRunning = false;
    this.args = null;
    if (this.isSlow) this.states.store(this.thread, IDLE);
    this.isSlow = false;
  }

  /** Called every few thousand steps of a script. @throws Killed, Ended */
  tick(): void {
    this.noteStart();
    const nowMs = performance.now();
    if (nowMs < this.nextServeMs) return;
    this.nextServeMs = nowMs + SERVE_EVERY_MS;
    if (!this.isSlow) this.noteTime(nowMs);
    this.isServing = true;
    let ends: boolean;
    try {
      if (this.isSlow) this.attend();
      ends = this.bounds.serve();
    } finally {
      this.isServing = false;
    }
    if (ends) throw new Ended();
    if (this.isSlow && this.states.load(this.thread) === KILLED[this.kind]) throw new Killed();
  }

  private attend(): void {
    const isFirst = !this.hasAttended;
    this.hasAttended = true;
    this.bounds.attend(isFirst);
  }

  private noteTime(nowMs: number): void {
    const limitMs = this.bounds.slowAfterMs();
    const elapsedMs = nowMs - this.startMs;
    if (limitMs <= 0 || elapsedMs < limitMs) return;
    this.isSlow = true;
    this.states.store(this.thread, (this.hasWritten ? WROTE : SLOW)[this.kind]);
    this.bounds.warn(
      `Slow script detected: still in execution after ${Math.floor(elapsedMs)} milliseconds. ` +
        `You can try killing the script using the ${this.kind.toUpperCase()} KILL command. ` +
        `Script name is: ${this.name}.`,
    );
  }

  /** Before the first write. @throws Killed when it was killed before */
  noteWrite(): void {
    if (this.hasWritten) return;
    const isKilled =
      this.isSlow && !this.states.exchange(this.thread, SLOW[this.kind], WROTE[this.kind]);
    if (isKilled) throw new Killed();
    this.hasWritten = true;
  }
}

export type KillOutcome = 'killed' | 'wrote' | 'other-kind' | 'none';

/** Asks the slow script of any thread to end. */
export function killSlow(states: SharedStates, kind: ScriptKind): KillOutcome {
  const other = kind === 'script' ? 'function' : 'script';
  for (let thread = 0; thread < states.threads; thread++) {
    if (states.exchange(thread, SLOW[kind], KILLED[kind])) return 'killed';
  }
  let outcome: KillOutcome = 'none';
  for (let thread = 0; thread < states.threads; thread++) {
    const state = states.load(thread);
    // Once more, before it has seen it, and no other one runs.
    if (state === KILLED[kind]) return 'killed';
    if (state === WROTE[kind] || state === WROTE[other]) outcome = 'wrote';
    else if ((state === SLOW[other] || state === KILLED[other]) && outcome === 'none')
      outcome = 'other-kind';
  }
  return outcome;
}

/** Whether a script of this thread runs for too long, and of what kind. */
export function slowKind(states: SharedStates, thread: number): ScriptKind | null {
  if (thread < 0 || thread >= states.threads) return null;
  const state = states.load(thread);
  if (state === SLOW.function || state === WROTE.function || state === KILLED.function) {
    return 'function';
  }
  return state === IDLE ? null : 'script';
}
