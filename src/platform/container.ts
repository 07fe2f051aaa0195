/**
 * What the system grants this process when that is less than the machine: the limits of its control
 * group, which is how containers are bounded (https://docs.kernel.org/admin-guide/cgroup-v2.html).
 *
 *   version 2   <root>/<path>/memory.max          bytes, or max
 *               <root>/<path>/cpu.max             microseconds of each period, or max; the period
 *   version 1   <root>/memory/<path>/memory.limit_in_bytes
 *               <root>/cpu/<path>/cpu.cfs_quota_us, cpu.cfs_period_us
 *
 * The paths are in /proc/self/cgroup. A group is bound by the groups above it too, so the lowest limit on
 * the way up counts. Inside of a container the path may be one that only the host sees: then the files at
 * the root are the container's own. Files that are missing or say something else are no limit.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface ContainerLimits {
  /** Null: no limit. */
  readonly memoryBytes: number | null;
  /** How many cores' time it may use, which may be a fraction; null: no limit. */
  readonly cores: number | null;
}

export const NO_CONTAINER: ContainerLimits = { memoryBytes: null, cores: null };

/** Version 1 says that there is no limit by a number near 2^63. */
const MEMORY_BYTES_MAX = 2 ** 60;

function read(...path: string[]): string {
  try {
    return readFileSync(join(...path), 'latin1').trim();
  } catch {
    return '';
  }
}

/** A path and those above it, with '/' as the last. */
function upwards(path: string): string[] {
  const parts = path.split('/').filter((part) => part !== '' && part !== '..');
  return [...parts.map((_, i) => `/${parts.slice(0, parts.length - i).join('/')}`), '/'];
}

function lowest(limits: readonly (number | null)[]): number | null {
  const known = limits.filter((limit): limit is number => limit !== null);
  return known.length === 0 ? null : Math.min(...known);
}

/** A number of bytes, or null for none, or one that no machine has. */
function memoryOf(text: string): number | null {
  if (!/^\d{1,20}$/.test(text)) return null;
  const bytes = Number(text);
  return bytes > 0 && bytes < MEMORY_BYTES_MAX ? bytes : null;
}

function coresOf(quota: string, period: string): number | null {
  if (!/^\d{1,15}$/.test(quota) || !/^[1-9]\d{0,14}$/.test(period)) return null;
  const cores = Number(quota) / Number(period);
  return cores > 0 ? cores : null;
}

/** By controller with a colon, as the file has it (version 2: ':'): the group of this process. */
function groups(file: string): Map<string, string> {
  const paths = new Map<string, string>();
  for (const line of read(file).split('\n')) {
    const match = /^\d+:([^:]*):(\/.*)$/.exec(line);
    if (match === null) continue;
    for (const controller of match[1]!.split(',')) paths.set(`${controller}:`, match[2]!);
  }
  return paths;
}

/**
 * @param root where control groups are mounted
 * @param self which groups the process is in
 */
export function readContainerLimits(
  root = '/sys/fs/cgroup',
  self = '/proc/self/cgroup',
): ContainerLimits {
  const paths = groups(self);
  const unified = upwards(paths.get(':') ?? '/');
  const memory = upwards(paths.get('memory:') ?? '/');
  const cpu = upwards(paths.get('cpu:') ?? '/');
  return {
    memoryBytes: lowest([
      ...unified.map((path) => memoryOf(read(root, path, 'memory.max'))),
      ...memory.map((path) => memoryOf(read(root, `memory/${path}`, 'memory.limit_in_bytes'))),
    ]),
    cores: lowest([
      ...unified.map((path) => {
        const [quota = '', period = ''] = read(root, path, 'cpu.max').split(/\s+/);
        return coresOf(quota, period);
      }),
      ...cpu.map((path) =>
        coresOf(
          read(root, 'cpu', path, 'cpu.cfs_quota_us'),
          read(root, 'cpu', path, 'cpu.cfs_period_us'),
        ),
      ),
    ]),
  };
}

/** Threads that the cores granted keep busy. */
export function threadsFor(machineCores: number, { cores }: ContainerLimits): number {
  return cores === null ? machineCores : Math.max(1, Math.min(machineCores, Math.ceil(cores)));
}
