/**
 * Telling a supervisor how far the server is (`supervised`), as Redis does: systemd by datagrams to the
 * socket that NOTIFY_SOCKET names (sd_notify(3)), upstart by stopping until it lets the process go on.
 */
import type { Log } from '../../base/log.js';
import { sendDatagram } from '../../platform/ffi/datagram.js';

export type Supervisor = 'systemd' | 'upstart' | 'no';

export interface SupervisionParts {
  readonly log: Log;
  readonly environment: NodeJS.ProcessEnv;
  /** Sends a datagram to a Unix socket, or throws. */
  readonly send: (path: string, text: string) => void;
  /** Stops the process until it is told to go on. */
  readonly pause: () => void;
}

const PROCESS: Omit<SupervisionParts, 'log'> = {
  environment: process.env,
  send: sendDatagram,
  pause: () => process.kill(process.pid, 'SIGSTOP'),
};

/** Whether there is somebody to supervise the process: then it stays in the foreground. */
export function isSupervised(directive: string, environment = process.env): boolean {
  const upstart = environment.UPSTART_JOB !== undefined;
  const systemd = environment.NOTIFY_SOCKET !== undefined;
  if (directive === 'auto') return upstart || systemd;
  return (directive === 'upstart' && upstart) || (directive === 'systemd' && systemd);
}

export class Supervision {
  /** Who supervises the process. */
  readonly supervisor: Supervisor;
  private readonly parts: SupervisionParts;

  /** @param directive value of `supervised`. Tells the supervisor that the server starts */
  constructor(directive: string, log: Log, parts: Partial<SupervisionParts> = {}) {
    this.parts = { ...PROCESS, log, ...parts };
    this.supervisor = this.begin(directive);
  }

  private begin(directive: string): Supervisor {
    const { environment, log } = this.parts;
    if (directive === 'upstart') return this.beginUpstart();
    if (directive === 'systemd') return this.beginSystemd();
    if (directive !== 'auto') return 'no';
    if (environment.UPSTART_JOB !== undefined) {
      log.notice('Upstart supervision detected.');
      return this.beginUpstart();
    }
    if (environment.NOTIFY_SOCKET === undefined) return 'no';
    log.notice('Systemd supervision detected.');
    return this.beginSystemd();
  }

  private beginUpstart(): Supervisor {
    const { environment, log, pause } = this.parts;
    if (environment.UPSTART_JOB === undefined) {
      log.warning('upstart supervision requested, but UPSTART_JOB not found!');
      return 'no';
    }
    log.notice('supervised by upstart, will stop to signal readiness.');
    pause();
    delete environment.UPSTART_JOB;
    return 'upstart';
  }

  private beginSystemd(): Supervisor {
    this.parts.log.warning(
      'WARNING supervised by systemd - you MUST set appropriate values for TimeoutStartSec and ' +
        'TimeoutStopSec in your service unit.',
    );
    return this.notify('STATUS=Darter is loading...\n') ? 'systemd' : 'no';
  }

  /** Clients are served. */
  ready(isReplica: boolean): void {
    if (this.supervisor !== 'systemd') return;
    this.notify(
      isReplica
        ? 'STATUS=Ready to accept connections in read-only mode. Waiting for MASTER <-> REPLICA sync\n'
        : 'STATUS=Ready to accept connections\n',
    );
    this.notify('READY=1\n');
  }

  /** A replica has the data of its primary. */
  synced(isFull: boolean): void {
    if (this.supervisor !== 'systemd') return;
    const how = isFull ? 'Finished with success' : 'Partial Resynchronization accepted';
    this.notify(
      `STATUS=MASTER <-> REPLICA sync: ${how}. Ready to accept connections in read-write mode.\n`,
    );
  }

  /** The server ends. */
  stopping(): void {
    if (this.supervisor === 'systemd') this.notify('STOPPING=1\n');
  }

  private notify(text: string): boolean {
    const { environment, log, send } = this.parts;
    const path = environment.NOTIFY_SOCKET;
    if (path === undefined || path === '') {
      log.warning('systemd supervision error: NOTIFY_SOCKET not found!');
      return false;
    }
    try {
      send(path, text);
      return true;
    } catch (error) {
      log.warning(`systemd supervision error: sd_notify: ${(error as Error).message}`);
      return false;
    }
  }
}
