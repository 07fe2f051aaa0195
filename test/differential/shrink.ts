/**
 * Delta debugging: the smallest part of a failing sequence that still fails the same way. First
 * steps go, in ever smaller groups, then long arguments get short.
 */
import type { Mismatch } from './replay.js';
import type { Sequence, Step } from './sequence.js';

export type Run = (sequence: Sequence) => Promise<Mismatch | undefined>;

export interface Shrunk {
  readonly sequence: Sequence;
  readonly mismatch: Mismatch;
}

/** A hanging server makes each attempt slow: then what was reached by this time has to do. */
const longest_ms = 60_000;

export async function shrink(sequence: Sequence, first: Mismatch, run: Run): Promise<Shrunk> {
  const name = commandName(first.args);
  let best: Shrunk = { sequence, mismatch: first };
  const deadline = Date.now() + longest_ms;
  const attempt = async (steps: readonly Step[]): Promise<boolean> => {
    if (Date.now() > deadline) return false;
    const candidate = { protocols: sequence.protocols, steps };
    const mismatch = await run(candidate);
    if (mismatch === undefined || commandName(mismatch.args) !== name) return false;
    best = { sequence: { ...candidate, steps: steps.slice(0, mismatch.index + 1) }, mismatch };
    return true;
  };
  await attempt(sequence.steps.slice(0, first.index + 1));
  await dropSteps(() => best.sequence.steps, attempt);
  await shortenArguments(() => best.sequence.steps, attempt);
  return best;
}

async function dropSteps(
  current: () => readonly Step[],
  attempt: (steps: readonly Step[]) => Promise<boolean>,
): Promise<void> {
  let size = Math.ceil(current().length / 2);
  for (;;) {
    let start = 0;
    let dropped = false;
    while (start < current().length && current().length > 1) {
      const steps = current();
      const rest = [...steps.slice(0, start), ...steps.slice(start + size)];
      if (rest.length > 0 && (await attempt(rest))) dropped = true;
      else start += size;
    }
    if (size > 1) size = Math.ceil(size / 2);
    else if (!dropped) return;
  }
}

async function shortenArguments(
  current: () => readonly Step[],
  attempt: (steps: readonly Step[]) => Promise<boolean>,
): Promise<void> {
  for (let i = 0; i < current().length; i++) {
    const { args, connection } = current()[i] as Step;
    for (let j = 1; j < args.length; j++) {
      if ((args[j] as string).length <= 16) continue;
      const shorter = args.map((text, k) => (k === j ? text.slice(0, 8) : text));
      const steps = current().map((step, k) => (k === i ? { connection, args: shorter } : step));
      await attempt(steps);
    }
  }
}

/** The command and, where there is one, its subcommand: what makes two failures the same. */
export function commandName(args: readonly string[]): string {
  const name = (args[0] ?? '').toLowerCase();
  const isContainer = /^(object|client|config|command|memory|debug)$/.test(name);
  return isContainer ? `${name} ${(args[1] ?? '').toLowerCase()}` : name;
}
