/** A redis-server to compare with, on a free port of a range, ended with the test process. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RespConnection } from './resp.js';

/** For node:test's `skip`: false, or why the comparison cannot run. */
export const oracleMissing: string | false =
  spawnSync('redis-server', ['--version']).status === 0 ? false : 'redis-server is not installed';

const START_MILLISECONDS_MAX = 5000;

export class RedisOracle {
  private constructor(
    private readonly child: ChildProcess,
    private readonly folder: string,
    readonly port: number,
  ) {}

  /** @param firstPort the range is this port and the 19 after it */
  static async start(firstPort: number, options: readonly string[] = []): Promise<RedisOracle> {
    const offset = process.pid % 20;
    for (let i = 0; i < 20; i++) {
      const oracle = await RedisOracle.tryPort(firstPort + ((offset + i) % 20), options);
      if (oracle !== null) return oracle;
    }
    throw new Error(`redis-server started on none of the ports from ${firstPort} on`);
  }

  private static async tryPort(
    port: number,
    options: readonly string[],
  ): Promise<RedisOracle | null> {
    const folder = mkdtempSync(join(tmpdir(), 'darter-oracle-'));
    const settings = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder];
    const child = spawn('redis-server', [...settings, ...options], { stdio: 'ignore' });
    const oracle = new RedisOracle(child, folder, port);
    process.once('exit', oracle.kill);
    const deadline = Date.now() + START_MILLISECONDS_MAX;
    while (child.exitCode === null && Date.now() < deadline) {
      if (await oracle.answersItself()) return oracle;
      await sleep(20);
    }
    await oracle.stop();
    return null;
  }

  connect(): Promise<RespConnection> {
    return RespConnection.open(this.port);
  }

  async stop(): Promise<void> {
    process.off('exit', this.kill);
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const ended = new Promise((resolve) => this.child.once('exit', resolve));
      this.child.kill('SIGKILL');
      await ended;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  private readonly kill = (): void => {
    this.child.kill('SIGKILL');
  };

  /** Whether it is this process that answers on the port, and not one that had it before. */
  private async answersItself(): Promise<boolean> {
    try {
      const connection = await this.connect();
      const info = await connection.command('INFO', 'server');
      connection.close();
      return info.type === 'bulk' && info.text.includes(`process_id:${this.child.pid}\r`);
    } catch {
      return false;
    }
  }
}
