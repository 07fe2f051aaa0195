/**
 * Free ports for test servers, from a range (DARTER_TEST_PORTS, "low-high"). Test files run in
 * several processes at once, so a port is claimed by a file that holds the process's id before it
 * is probed; a claim whose process has ended counts for nothing.
 */
import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PORTS = '7140-7939';

const claimed = new Set<number>();
/** In the order of their release. */
const released = new Set<number>();

export async function claimPort(): Promise<number> {
  const [low, high] = (process.env.DARTER_TEST_PORTS ?? PORTS).split('-').map(Number) as [
    number,
    number,
  ];
  const count = high - low + 1;
  const first = process.pid % count;
  for (let i = 0; i < count; i++) {
    const port = low + ((first + i) % count);
    if (claim(port) && (await isFree(port))) return port;
  }
  for (const port of [...released]) {
    released.delete(port);
    claimed.add(port);
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port from ${low} to ${high}`);
}

export function releasePort(port: number): void {
  if (claimed.delete(port)) released.add(port);
}

/** At the end of the process. */
export function releaseAllPorts(): void {
  for (const port of [...claimed, ...released]) rmSync(claimFile(port), { force: true });
  claimed.clear();
  released.clear();
}

function claimFile(port: number): string {
  return join(tmpdir(), `darter-test-port-${port}`);
}

function claim(port: number): boolean {
  const file = claimFile(port);
  try {
    if (!isAlive(Number(readFileSync(file, 'utf8')))) rmSync(file, { force: true });
  } catch {
    // Nobody has claimed it.
  }
  try {
    const descriptor = openSync(file, 'wx');
    writeSync(descriptor, String(process.pid));
    closeSync(descriptor);
  } catch {
    return false;
  }
  claimed.add(port);
  return true;
}

export function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
