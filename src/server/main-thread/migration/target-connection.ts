/**
 * A connection to the server that keys are moved to: bytes go out, replies of one line come back. It is
 * used for one MIGRATE at a time, and kept for the next one.
 */
import { connect, type Socket } from 'node:net';

/** An error reply longer than this is no reply. */
export const LINE_BYTES_MAX = 64 * 1024;

export type FailedStep = 'connecting' | 'writing' | 'reading';

export class StepFailed extends Error {
  constructor(
    readonly step: FailedStep,
    readonly isTimeout: boolean,
  ) {
    super(`${step} failed`);
  }
}

export class TargetConnection {
  /** The database that it has selected; -1 when that is not known. */
  database = 0;
  private received = '';
  private ended = false;
  private wake: () => void = () => {};

  private constructor(private readonly socket: Socket) {
    socket.on('data', (bytes: Buffer) => {
      this.received += bytes.toString('latin1');
      this.wake();
    });
    const end = (): void => {
      this.ended = true;
      this.wake();
    };
    socket.on('error', end);
    socket.on('end', end);
    socket.on('close', end);
  }

  /** @throws StepFailed */
  static open(host: string, port: number, timeoutMs: number): Promise<TargetConnection> {
    // No port of that number: node:net would throw.
    if (!(port > 0 && port < 65536)) return Promise.reject(new StepFailed('connecting', false));
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port, noDelay: true });
      const failed = (isTimeout: boolean): void => {
        clearTimeout(timer);
        socket.destroy();
        reject(new StepFailed('connecting', isTimeout));
      };
      const timer = setTimeout(() => failed(true), timeoutMs);
      const refused = (): void => failed(false);
      socket.once('error', refused);
      socket.once('connect', () => {
        clearTimeout(timer);
        socket.off('error', refused);
        resolve(new TargetConnection(socket));
      });
    });
  }

  /** Whether it can be used for another request. */
  get isUsable(): boolean {
    return !this.ended && this.received === '';
  }

  close(): void {
    this.ended = true;
    this.socket.destroy();
  }

  /** @throws StepFailed when the other side takes nothing for so long */
  async write(bytes: Uint8Array, timeoutMs: number): Promise<void> {
    if (this.ended) throw new StepFailed('writing', false);
    let isWritten = false;
    this.socket.write(bytes, (error) => {
      isWritten = error === undefined || error === null;
      this.wake();
    });
    await this.until(() => isWritten, 'writing', timeoutMs);
  }

  /** @returns the line, without its end @throws StepFailed */
  async line(timeoutMs: number): Promise<string> {
    await this.until(() => this.received.includes('\n'), 'reading', timeoutMs);
    const end = this.received.indexOf('\n');
    const line = this.received.slice(0, end).replace(/\r$/, '');
    this.received = this.received.slice(end + 1);
    if (!/^[-+]/.test(line)) throw new StepFailed('reading', false);
    return line;
  }

  private async until(isSo: () => boolean, step: FailedStep, timeoutMs: number): Promise<void> {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.wake();
    }, timeoutMs);
    try {
      while (!isSo()) {
        if (isLate) throw new StepFailed(step, true);
        if (this.ended || this.received.length > LINE_BYTES_MAX) throw new StepFailed(step, false);
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
      }
    } finally {
      clearTimeout(timer);
      this.wake = () => {};
    }
  }
}
