/**
 * A campaign: random sequences in chunks until so many commands were compared or something differs.
 * A chunk's own seed follows from the campaign's seed and the chunk's number, so that a failure is
 * repeated by its chunk alone.
 */
import { Random } from '../support/random.js';
import { type Mismatch, Pair } from './replay.js';
import { makeSequence, type Sequence, type Step } from './sequence.js';
import { commandName, shrink } from './shrink.js';
import type { SpecTable } from './spec.js';

export interface CampaignOptions {
  readonly seed: number;
  readonly commands: number;
  /** What the commands are; everything, unless told otherwise. */
  readonly table?: SpecTable;
  /** Start at this chunk. */
  readonly firstChunk?: number;
  /** Stop after this many different failures. */
  readonly failures?: number;
  readonly report?: (text: string) => void;
}

export interface CampaignResult {
  readonly compared: number;
  /** A report for each failure. */
  readonly failures: readonly string[];
}

const chunkSteps = 500;
const longChunkSteps = 5000;
const longChunkEvery = 12;

export async function runCampaign(options: CampaignOptions): Promise<CampaignResult> {
  const pair = await Pair.start();
  const failures: string[] = [];
  const seen = new Set<string>();
  try {
    let chunk = options.firstChunk ?? 0;
    let next = chunkSequence(options.seed, chunk, options.table);
    for (; pair.compared < options.commands; chunk++) {
      const sequence = next;
      const running = pair.run(sequence);
      // Made while the servers work.
      next = chunkSequence(options.seed, chunk + 1, options.table);
      const mismatch = await running;
      if (mismatch === undefined) continue;
      const signature = mismatchSignature(mismatch);
      if (seen.has(signature)) continue;
      seen.add(signature);
      const text = await describe(pair, options.seed, chunk, sequence, mismatch);
      options.report?.(text);
      failures.push(text);
      if (failures.length >= (options.failures ?? 1)) break;
    }
    return { compared: pair.compared, failures };
  } finally {
    await pair.stop();
  }
}

export function chunkSequence(seed: number, chunk: number, table?: SpecTable): Sequence {
  const random = new Random((seed ^ Math.imul(chunk + 1, 0x9e3779b1)) >>> 0);
  const long = chunk % longChunkEvery === longChunkEvery - 1;
  return makeSequence(random, long ? longChunkSteps : chunkSteps, table);
}

/** Failures with one signature are reported once: the command, and both replies without numbers. */
function mismatchSignature(mismatch: Mismatch): string {
  const kind = (text: string): string => text.slice(0, 60).replace(/\d+|"[^"]*"/g, '_');
  return `${commandName(mismatch.args)} ${kind(mismatch.ours)} ${kind(mismatch.theirs)}`;
}

async function describe(
  pair: Pair,
  seed: number,
  chunk: number,
  sequence: Sequence,
  mismatch: Mismatch,
): Promise<string> {
  const shrunk = await shrink(sequence, mismatch, (candidate) => pair.run(candidate));
  const lines = [
    `seed ${seed}, chunk ${chunk}, step ${mismatch.index}: ${showArguments(mismatch.args)}`,
    `  ours:   ${mismatch.ours}`,
    `  theirs: ${mismatch.theirs}`,
    'the last commands on these keys:',
    ...related(sequence, mismatch).map(showStep),
    `shrunk to ${shrunk.sequence.steps.length} commands ` +
      `(RESP ${shrunk.sequence.protocols.join(', ')} on connections 0, 1, 2):`,
    ...shrunk.sequence.steps.map(showStep),
    `  ours:   ${shrunk.mismatch.ours}`,
    `  theirs: ${shrunk.mismatch.theirs}`,
    `repeat: npm run differential -- --seed ${seed} --chunk ${chunk} --commands 1`,
  ];
  return lines.join('\n');
}

function related(sequence: Sequence, mismatch: Mismatch): Step[] {
  const words = new Set(mismatch.args.slice(1).filter((word) => word.length > 1));
  const before = sequence.steps.slice(0, mismatch.index);
  const touching = before.filter((step) => step.args.slice(1).some((word) => words.has(word)));
  return (touching.length > 0 ? touching : before).slice(-8);
}

function showStep(step: Step): string {
  return `  ${step.connection}> ${showArguments(step.args)}`;
}

function showArguments(args: readonly string[]): string {
  return args
    .map((text) => {
      if (/^[\w{}.:@*#+-]+$/.test(text) && text.length < 100) return text;
      const shown = text.length > 100 ? `${text.slice(0, 100)}...(${text.length} bytes)` : text;
      return JSON.stringify(shown);
    })
    .join(' ');
}
