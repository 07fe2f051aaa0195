/**
 * Fuzzing of running servers. An input is a batch of connections or commands; what the server is after
 * it depends on the inputs before. Every file in server-targets/ exports one `target`.
 */
import { readdirSync } from 'node:fs';
import { Random } from '../support/random.js';
import { inputSeed } from './fuzz.js';

export interface ServerTarget {
  readonly name: string;
  /** What is thrown at what, and what must hold, in one sentence. */
  readonly summary: string;
  /** How many inputs `npm test` runs. */
  readonly testInputs: number;
  /** For node:test's `skip`: why it cannot run here, or false. */
  missing(): string | false;
  start(): Promise<ServerRun>;
}

export interface ServerRun {
  /** Makes one input of these random numbers and sends it. Throws when something does not hold. */
  run(random: Random): Promise<void>;
  /** Throws when something has stayed behind. */
  check(): Promise<void>;
  /** Ends the servers. */
  stop(): Promise<void>;
}

const folder = new URL('server-targets/', import.meta.url);

/** All targets, by name. */
export async function loadServerTargets(): Promise<ServerTarget[]> {
  const files = readdirSync(folder).filter((file) => file.endsWith('.js'));
  const modules = await Promise.all(
    files.map((file) => import(new URL(file, folder).href) as Promise<{ target: ServerTarget }>),
  );
  return modules.map(({ target }) => target).sort((one, other) => (one.name < other.name ? -1 : 1));
}

/**
 * @param isOver looked at before each input
 * @returns how many inputs there were
 * @throws Error that names the command which repeats the failing input and what came before
 */
export async function fuzzServer(
  target: ServerTarget,
  inputs: { readonly seed: number; readonly from: number; readonly count: number },
  isOver: () => boolean = () => false,
): Promise<number> {
  const { seed, from, count } = inputs;
  const running = await target.start();
  let index = from;
  try {
    for (; index < from + count && !isOver(); index++) {
      await running.run(new Random(inputSeed(seed, index)));
    }
    await running.check();
    return index - from;
  } catch (error) {
    const again = `--target ${target.name} --seed ${seed} --from ${from} --inputs ${index - from + 1}`;
    throw new Error(`${target.name}, at input ${index}; again: npm run fuzz -- ${again}`, {
      cause: error,
    });
  } finally {
    await running.stop();
  }
}
