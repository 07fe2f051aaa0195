/**
 * What Linux tells about a running process, read from /proc: CPU time over all its threads, and
 * resident memory. CPU comes from the scheduler's nanoseconds (task/N/schedstat); the process-wide
 * sum in clock ticks of 10 ms serves where a thread ended in between and took its figure along.
 */
import { readdirSync, readFileSync } from 'node:fs';

const TICK_NS = 10_000_000;

export interface CpuReading {
  /** Nanoseconds on a CPU by thread id, empty where the kernel offers no schedstat. */
  readonly threads: ReadonlyMap<string, number>;
  /** User and system time of the whole process, ended threads included; 10 ms steps. */
  readonly processNs: number;
}

export function readCpu(pid: number): CpuReading {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const processNs = (Number(fields[11]) + Number(fields[12])) * TICK_NS;
  return { threads: readThreads(pid), processNs };
}

function readThreads(pid: number): Map<string, number> {
  const threads = new Map<string, number>();
  for (const id of readdirSync(`/proc/${pid}/task`)) {
    try {
      const text = readFileSync(`/proc/${pid}/task/${id}/schedstat`, 'latin1');
      threads.set(id, Number(text.split(' ')[0]));
    } catch {
      // The thread ended between the listing and the reading: the process-wide sum has its time.
    }
  }
  return threads;
}

/** CPU nanoseconds that the process spent between two readings. */
export function cpuBetweenNs(before: CpuReading, after: CpuReading): number {
  let sum = 0;
  let lost = after.threads.size === 0;
  for (const id of before.threads.keys()) lost ||= !after.threads.has(id);
  if (lost) return after.processNs - before.processNs;
  for (const [id, time] of after.threads) sum += time - (before.threads.get(id) ?? 0);
  return sum;
}

/** Resident bytes, each page counted whole. Cheap: the kernel keeps this count. */
export function residentBytes(pid: number): number {
  const text = readFileSync(`/proc/${pid}/status`, 'latin1');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) * 1024;
}

/**
 * Resident bytes where a page shared by n processes counts 1/n for each: the sum over a process and
 * its forked children is what they need together. Dear (the kernel walks every page).
 */
export function proportionalBytes(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1');
  return Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) * 1024;
}

/** Processes that a process forked (from any of its threads) and that are still there. */
export function childrenOf(pid: number): number[] {
  const children: number[] = [];
  for (const id of readdirSync(`/proc/${pid}/task`)) {
    try {
      const text = readFileSync(`/proc/${pid}/task/${id}/children`, 'latin1').trim();
      if (text !== '') children.push(...text.split(' ').map(Number));
    } catch {
      // The thread ended meanwhile.
    }
  }
  return children;
}

/** Memory of a process and its forked children together, and whether there were children. */
export function memoryWithChildren(pid: number): { bytes: number; children: number } {
  const children = childrenOf(pid);
  if (children.length === 0) return { bytes: residentBytes(pid), children: 0 };
  let bytes = proportionalBytes(pid);
  for (const child of children) {
    try {
      bytes += proportionalBytes(child);
    } catch {
      // The child ended between the listing and the reading; its pages are the parent's again.
    }
  }
  return { bytes, children: children.length };
}
