/**
 * MIGRATE's talk with other servers, on the main thread. Connections are kept for ten seconds after their
 * use, as in Redis. A kept one may have been closed by the other side meanwhile: then the request is sent
 * once more over a new one, if not a single reply has come. Should the other side have done it all the
 * same, RESTORE says so, and the keys stay here.
 */
import type {
  MigrationOutcome,
  MigrationRequest,
} from '../../../commands/contract/migration-port.js';
import { encodeCommand } from '../../../protocol/encode-command.js';
import { StepFailed, TargetConnection } from './target-connection.js';

const KEPT_MS = 10_000;
export const KEPT_MAX = 64;
const DATABASE_UNKNOWN = -1;

interface Kept {
  readonly address: string;
  readonly connection: TargetConnection;
  readonly timer: NodeJS.Timeout;
}

/** What has come of the replies so far. */
class Replies {
  answered = 0;
  readonly done: number[] = [];
  targetError = '';

  outcome(failedStep: MigrationOutcome['failedStep']): MigrationOutcome {
    const { answered, done, targetError } = this;
    return { answered, done, targetError, failedStep };
  }
}

export class Migrator {
  private readonly kept: Kept[] = [];

  async send(request: MigrationRequest): Promise<MigrationOutcome> {
    const { host, port } = request;
    for (let kept = this.take(`${host}:${port}`); ; kept = null) {
      const replies = new Replies();
      let connection = kept;
      try {
        connection ??= await TargetConnection.open(host, port, request.timeoutMs);
        await exchange(connection, request, replies);
        this.keep(`${host}:${port}`, connection);
        return replies.outcome('');
      } catch (error) {
        connection?.close();
        if (!(error instanceof StepFailed)) throw error;
        const mayRetry = kept !== null && replies.answered === 0 && !error.isTimeout;
        if (!mayRetry) return replies.outcome(error.step);
      }
    }
  }

  private take(address: string): TargetConnection | null {
    for (;;) {
      const index = this.kept.findIndex((one) => one.address === address);
      if (index < 0) return null;
      const [{ connection, timer }] = this.kept.splice(index, 1) as [Kept];
      clearTimeout(timer);
      if (connection.isUsable) return connection;
      connection.close();
    }
  }

  private keep(address: string, connection: TargetConnection): void {
    if (!connection.isUsable) {
      connection.close();
      return;
    }
    if (this.kept.length === KEPT_MAX) this.drop(this.kept[0]!);
    const timer = setTimeout(() => this.drop(kept), KEPT_MS).unref();
    const kept = { address, connection, timer };
    this.kept.push(kept);
  }

  private drop(kept: Kept): void {
    const index = this.kept.indexOf(kept);
    if (index < 0) return;
    this.kept.splice(index, 1);
    clearTimeout(kept.timer);
    kept.connection.close();
  }
}

/** @throws StepFailed */
async function exchange(
  connection: TargetConnection,
  request: MigrationRequest,
  replies: Replies,
): Promise<void> {
  const { authentication, database, commands, count, timeoutMs } = request;
  const before: string[][] = [];
  if (authentication.length > 0) before.push(['AUTH', ...authentication]);
  if (connection.database !== database) before.push(['SELECT', String(database)]);
  connection.database = DATABASE_UNKNOWN;
  for (const words of before) await connection.write(encodeCommand(words), timeoutMs);
  await connection.write(commands, timeoutMs);
  let isRefused = false;
  for (let i = 0; i < before.length; i++) {
    const line = await connection.line(timeoutMs);
    if (!line.startsWith('-')) continue;
    isRefused = true;
    replies.targetError ||= line.slice(1);
  }
  for (let index = 0; index < count; index++) {
    const line = await connection.line(timeoutMs);
    replies.answered++;
    if (line.startsWith('-')) replies.targetError ||= line.slice(1);
    else if (!isRefused) replies.done.push(index);
  }
  if (replies.targetError === '') connection.database = database;
}
