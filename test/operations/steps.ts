/**
 * Runs the steps that docs/operations.md gives, as they stand there: in bash, with the ports and folders of the
 * test, `darter` as the program of this build, and `systemctl start` as a start of it.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { claimPort } from '../support/ports.js';
import {
  darterCommand,
  rootDirectory,
  type Server,
  spawnServer,
  untilReady,
} from '../support/server.js';
import { until } from '../support/until.js';

/** Several starts and syncs, one after the other, each of which a busy machine may take a minute for. */
const STEPS_MS_MAX = 400_000;

/** The block of commands behind `<!-- steps: NAME -->`. */
export function stepsOf(name: string): string {
  const text = readFileSync(join(rootDirectory, 'docs/operations.md'), 'utf8');
  const found = new RegExp(`<!-- steps: ${name} -->\n\`\`\`sh\n([^]*?)\`\`\``).exec(text);
  if (found === null) throw new Error(`docs/operations.md has no steps: ${name}`);
  return found[1]!;
}

/** A service of systemd, more or less: a server with a configuration file, started again under its name. */
export class Service {
  server!: Server;
  readonly file: string;

  private constructor(
    readonly name: string,
    readonly port: number,
    readonly folder: string,
  ) {
    this.file = join(folder, 'darter.conf');
  }

  static async start(t: TestContext, name: string, lines: string): Promise<Service> {
    const folder = mkdtempSync(join(tmpdir(), `${name}-`));
    const service = new Service(name, await claimPort(), folder);
    writeFileSync(service.file, `port ${service.port}\ndir ${folder}\n${lines}\n`);
    await service.startAgain();
    t.after(async () => {
      await service.server.stop();
      rmSync(folder, { recursive: true, force: true });
    });
    return service;
  }

  async startAgain(): Promise<void> {
    const { command, args } = darterCommand();
    const words = [...args, this.file, '--threads', '2', '--container-limits', 'no'];
    this.server = spawnServer('darter', command, words, this.port);
    await untilReady(this.server);
  }
}

/** Where the document's 6379 and 6380, and its folders, are here. */
export interface Setting {
  readonly a: Service;
  readonly b?: Service;
  readonly backup?: string;
}

/** `systemctl start NAME` leaves a file here; the test starts the service and removes it. */
function preambleOf(wishes: string): string {
  const { command, args } = darterCommand();
  return `
set -eo pipefail
darter() { ${[command, ...args].map((word) => `'${word}'`).join(' ')} "$@"; }
systemctl() { touch ${wishes}/$2; while [ -e ${wishes}/$2 ]; do sleep 0.1; done; }
`;
}

export async function runSteps(t: TestContext, name: string, setting: Setting): Promise<string> {
  const { a, b, backup } = setting;
  const wishes = mkdtempSync(join(tmpdir(), 'darter-wishes-'));
  t.after(() => rmSync(wishes, { recursive: true, force: true }));
  if (backup !== undefined) mkdirSync(backup, { recursive: true });
  const script = stepsOf(name)
    .replaceAll('-p 6379', `-p ${a.port}`)
    .replaceAll('-p 6380', `-p ${b?.port ?? 0}`)
    .replaceAll('/var/lib/darter', a.folder)
    .replaceAll('/backup', backup ?? '/nowhere');
  const child = spawn('bash', ['-c', preambleOf(wishes) + script], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => child.kill('SIGKILL'));
  let output = '';
  child.stdout.on('data', (bytes: Buffer) => (output += bytes.toString()));
  child.stderr.on('data', (bytes: Buffer) => (output += bytes.toString()));
  const services = [a, b].filter((service) => service !== undefined);
  await until(
    `the steps ${name} end`,
    async () => {
      for (const service of services) await fulfil(join(wishes, service.name), service);
      return child.exitCode !== null || output;
    },
    STEPS_MS_MAX,
  );
  if (child.exitCode !== 0) throw new Error(`ended with ${child.exitCode}:\n${output}`);
  return output;
}

async function fulfil(wish: string, service: Service): Promise<void> {
  try {
    readFileSync(wish);
  } catch {
    return;
  }
  await service.server.exit();
  await service.startAgain();
  rmSync(wish);
}
