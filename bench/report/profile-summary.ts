/**
 * Sums a V8 CPU profile up by function. Self time is where the samples fell; total time counts a
 * function once for every sample with it anywhere on the stack, however often it recurs there.
 */
import { basename } from 'node:path';

export interface ProfileNode {
  readonly id: number;
  readonly callFrame: {
    readonly functionName: string;
    readonly url: string;
    readonly lineNumber: number;
  };
  readonly children?: readonly number[];
}

export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

export interface FunctionTime {
  readonly name: string;
  selfMs: number;
  totalMs: number;
}

export function sumByFunction(profiles: readonly CpuProfile[]): FunctionTime[] {
  const byName = new Map<string, FunctionTime>();
  for (const profile of profiles) addProfile(profile, byName);
  return [...byName.values()].sort((a, b) => b.selfMs - a.selfMs);
}

function addProfile(profile: CpuProfile, byName: Map<string, FunctionTime>): void {
  const self = new Map<number, number>();
  profile.samples.forEach((id, i) => {
    // V8 gives the time before each sample; the first one's is from the profile's start.
    self.set(id, (self.get(id) ?? 0) + Math.max(0, profile.timeDeltas[i] ?? 0) / 1000);
  });
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const onStack = new Map<string, number>();
  const visit = (node: ProfileNode): number => {
    const name = frameName(node);
    const depth = onStack.get(name) ?? 0;
    onStack.set(name, depth + 1);
    const own = self.get(node.id) ?? 0;
    let total = own;
    for (const child of node.children ?? []) total += visit(nodes.get(child)!);
    onStack.set(name, depth);
    const entry = byName.get(name) ?? { name, selfMs: 0, totalMs: 0 };
    entry.selfMs += own;
    if (depth === 0) entry.totalMs += total;
    byName.set(name, entry);
    return total;
  };
  if (profile.nodes[0] !== undefined) visit(profile.nodes[0]);
}

function frameName(node: ProfileNode): string {
  const { functionName, url, lineNumber } = node.callFrame;
  const name = functionName === '' ? '(anonymous)' : functionName;
  return url === '' ? name : `${name}  ${basename(url)}:${lineNumber + 1}`;
}

/** The functions with the most self time, as text. */
export function summaryText(times: readonly FunctionTime[], rows: number): string {
  const all = times.reduce((sum, time) => sum + time.selfMs, 0);
  const percent = (ms: number): string => `${((100 * ms) / all).toFixed(1)} %`.padStart(8);
  const lines = [`${'self'.padStart(8)} ${'total'.padStart(8)}  function`];
  for (const time of times.slice(0, rows)) {
    lines.push(`${percent(time.selfMs)} ${percent(time.totalMs)}  ${time.name}`);
  }
  return lines.join('\n');
}
