/**
 * What comes before the end of the threads: scripts end, replicas get the last writes, the data is saved.
 *
 *   begun ──▶ no thread writes, no script runs ──▶ replicas have all ──▶ saved ──▶ the threads may end
 *     │  a script runs for too long                  │ called off          │ cannot be saved
 *     │    SHUTDOWN NOSAVE: it is cut, and leaves    ▼                     ▼
 *     │      nothing in a journal                  the server goes on
 *     └──  any other SHUTDOWN: the server goes on; a signal: waits, as Redis does
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../../base/log.js';
import type { ShutdownRequest } from '../../commands/contract/server-port.js';
import { type ScriptKind, slowKind } from '../../engine/scripts/script-run.js';
import type { ControlBlock } from '../../memory/control.js';
import type { SharedStates } from '../../memory/shared-states.js';
import { BUSY, BUSY_FUNCTION } from '../../protocol/errors.js';
import { SHUTDOWN, SHUTDOWN_CALLED_OFF, SHUTDOWN_WAITS } from '../channel/process-figures.js';
import type { Config } from '../config/config.js';
import type { Persistence } from './persistence/persistence.js';
import type { ReplicationManager } from './replication/manager.js';

const SHUTDOWN_FAILED = 'ERR Errors trying to SHUTDOWN. Check logs.';
/** How often scripts that run are looked at. */
const LOOK_MS = 10;

export interface OrderlyEndParts {
  readonly config: Config;
  readonly log: Log;
  readonly control: ControlBlock;
  readonly replication: ReplicationManager;
  readonly persistence: Persistence;
  /** Of all I/O threads. */
  readonly scripts: SharedStates;
}

/** Why the server does not end. */
export interface Refusal {
  readonly why: string;
  /** What those who have asked for it are answered. */
  readonly reply: string;
}

export class OrderlyEnd {
  private isHoldingWrites = false;
  private hasToldOfScript = false;

  constructor(
    private readonly parts: OrderlyEndParts,
    private request: ShutdownRequest,
    /** Whether a client has asked, who can be refused. */
    private readonly isCommand: boolean,
  ) {}

  /** Somebody asks once more: SHUTDOWN NOSAVE cuts the script that the first one waits for. */
  askedAgain(request: ShutdownRequest): void {
    if (this.isHoldingWrites && request.save === 'nosave') this.request = request;
  }

  /** @returns why the server does not end, or null */
  async prepare(): Promise<Refusal | null> {
    const { config, replication, persistence } = this.parts;
    this.isHoldingWrites = true;
    const busy = await this.holdWrites();
    this.isHoldingWrites = false;
    if (busy !== null) return busy;
    const { request } = this;
    const drainMs = request.now ? 0 : config.number('shutdown-timeout') * 1000;
    let why: string | null = null;
    if (drainMs > 0 && replication.mustDrain && (await this.drain(drainMs))) {
      why = 'Shutdown was called off.';
    }
    const saves = why === null && persistence.savesAtEnd(request.save);
    if (saves && (await persistence.saveAtEnd()) !== null && !request.force) {
      why = "Error trying to save the DB, can't exit.";
    }
    if (why === null) return null;
    await replication.release();
    return { why, reply: SHUTDOWN_FAILED };
  }

  /** Resolves when no thread writes or runs a script any more. @returns why the server does not end, or null */
  private async holdWrites(): Promise<Refusal | null> {
    const { replication } = this.parts;
    let isHeld = false;
    const held = replication.hold().then(() => {
      isHeld = true;
    });
    while (!isHeld) {
      await Promise.race([held, sleep(LOOK_MS)]);
      const kind = isHeld ? null : this.slowScript();
      if (kind === null) continue;
      if (this.request.save === 'nosave') return null;
      if (this.isCommand) {
        // The script's thread takes this over when it is done.
        void replication.release();
        const reply = (kind === 'function' ? BUSY_FUNCTION : BUSY).text;
        return { why: `A ${kind} runs for too long.`, reply };
      }
      this.noteScript(kind);
    }
    return null;
  }

  private slowScript(): ScriptKind | null {
    const { scripts } = this.parts;
    for (let thread = 0; thread < scripts.threads; thread++) {
      const kind = slowKind(scripts, thread);
      if (kind !== null) return kind;
    }
    return null;
  }

  private noteScript(kind: ScriptKind): void {
    if (this.hasToldOfScript) return;
    this.hasToldOfScript = true;
    this.parts.log.warning(
      `A ${kind} runs for too long: the server ends after it. ${kind.toUpperCase()} KILL ends one that ` +
        'has not written, SHUTDOWN NOSAVE cuts any.',
    );
  }

  /** @returns whether the shutdown was called off meanwhile */
  private async drain(timeoutMs: number): Promise<boolean> {
    const { control, replication } = this.parts;
    const word = control.word(SHUTDOWN);
    word.store(SHUTDOWN_WAITS);
    const isCalledOff = () => word.load() === SHUTDOWN_CALLED_OFF;
    await replication.drain(timeoutMs, isCalledOff);
    const wasCalledOff = isCalledOff();
    word.store(0);
    return wasCalledOff;
  }
}
