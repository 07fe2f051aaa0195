/**
 * Compares the data of two servers while they run. Keys of both are walked with SCAN, or drawn at random.
 * Those that differ are kept, and read again several times, all with one pause before, as writes may
 * have been under way:
 *
 *   equal in any reading           no difference
 *   another one from time to time  busy: it cannot be told
 *   else                           a difference
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Connection, ErrorAnswer, type Reply, words } from './connection.js';
import { type Content, describeKeys, digestOf } from './contents.js';

const BATCH = 500;
const READINGS = 5;
/** So many keys that differ are kept before they are read again. */
const SUSPECTS_MAX = 10_000;
/** How much less time is left at the second reading, at most, when the times of expiry are the same. */
const TIME_MS_MAX = 5000;

export interface ComparisonOptions {
  /** How many keys to draw from both servers together; 0: all, as when there are no more than that. */
  readonly sample: number;
  /** Between two readings of a key that differs. */
  readonly pauseMs: number;
  readonly print: (line: string) => void;
}

export interface ComparisonResult {
  compared: number;
  different: number;
  busy: number;
  /** Keys of types that are not known here. */
  unknown: number;
}

const UNREAD: Content = { type: '', leftMs: -1, digest: '' };

/** A key that differed. */
class Suspect {
  here = UNREAD;
  there = UNREAD;
  /** Whether it was another one on either server from one reading to the next. */
  isBusy = false;

  note(here: Content, there: Content): void {
    if (this.here !== UNREAD) {
      this.isBusy ||= !isSameValue(here, this.here) || !isSameValue(there, this.there);
    }
    this.here = here;
    this.there = there;
  }

  get isEqual(): boolean {
    const { here, there } = this;
    const isRead = here.digest !== '' && isSameValue(here, there);
    return isRead && isSameTime(here.leftMs, there.leftMs);
  }
}

function isSameValue(one: Content, other: Content): boolean {
  return one.type === other.type && one.digest === other.digest;
}

export class Comparison {
  readonly result: ComparisonResult = { compared: 0, different: 0, busy: 0, unknown: 0 };
  /** Of the database that is compared: keys that differ, as they were read last. */
  private readonly suspects = new Map<string, Suspect>();

  constructor(
    private readonly one: Connection,
    private readonly other: Connection,
    private readonly options: ComparisonOptions,
  ) {}

  /** @throws Error when a server cannot be asked */
  async run(): Promise<ComparisonResult> {
    const { one, other, options } = this;
    const sizes = [await databaseSizes(one), await databaseSizes(other)] as const;
    const databases = [...new Set([...sizes[0].keys(), ...sizes[1].keys()])].sort((a, b) => a - b);
    const total = [...sizes[0].values(), ...sizes[1].values()].reduce((sum, size) => sum + size, 0);
    for (const database of databases) {
      const [mine, others] = [sizes[0].get(database) ?? 0, sizes[1].get(database) ?? 0];
      options.print(`database ${database}: ${mine} keys and ${others}`);
      for (const server of [one, other]) await server.demand('SELECT', String(database));
      const isWhole = options.sample === 0 || options.sample >= total;
      if (isWhole) await this.compareAll(database);
      else await this.compareSample(database, mine / total, others / total);
      await this.judge(database);
    }
    await this.compareFunctions();
    return this.result;
  }

  private async compareAll(database: number): Promise<void> {
    const { one, other } = this;
    await walk(one, (keys) => this.compare(database, keys));
    // Those of the first are compared already.
    await walk(other, async (keys) => {
      const replies = await one.pipeline(keys.map((key) => ['EXISTS', key]));
      await this.compare(
        database,
        keys.filter((_, i) => replies[i] === 0),
      );
    });
  }

  /** @param mine, others share of all keys of both servers that this database has on either */
  private async compareSample(database: number, mine: number, others: number): Promise<void> {
    const { one, other, options } = this;
    const shares = [[one, mine] as const, [other, others] as const];
    for (const [server, share] of shares) {
      let left = Math.ceil(options.sample * share);
      for (; left > 0; left -= BATCH) {
        const count = Math.min(left, BATCH);
        const replies = await server.pipeline(Array.from({ length: count }, () => ['RANDOMKEY']));
        const keys = replies.filter((reply) => typeof reply === 'string');
        await this.compare(database, [...new Set(keys)]);
      }
    }
  }

  private async compare(database: number, keys: readonly string[]): Promise<void> {
    if (keys.length === 0) return;
    const [mine, others] = await Promise.all([
      describeKeys(this.one, keys),
      describeKeys(this.other, keys),
    ]);
    for (const [i, key] of keys.entries()) {
      const [here, there] = [mine[i]!, others[i]!];
      // It has expired, or was removed, since it was found.
      if (here.type === 'none' && there.type === 'none') continue;
      this.result.compared++;
      if (!(await this.isEqual(key, here, there))) this.suspects.set(key, new Suspect());
    }
    if (this.suspects.size >= SUSPECTS_MAX) await this.judge(database);
  }

  private async isEqual(
    key: string,
    here: Omit<Content, 'digest'>,
    there: Omit<Content, 'digest'>,
  ): Promise<boolean> {
    if (here.type !== there.type || !isSameTime(here.leftMs, there.leftMs)) return false;
    const [digest, otherDigest] = await Promise.all([
      digestOf(this.one, key, here.type),
      digestOf(this.other, key, there.type),
    ]);
    return digest === otherDigest && digest !== '';
  }

  /** Reads the keys that differ again, and says what is left of them. */
  private async judge(database: number): Promise<void> {
    const { suspects, options } = this;
    for (let reading = 0; reading < READINGS && suspects.size > 0; reading++) {
      await sleep(options.pauseMs);
      for (const [key, suspect] of suspects) {
        suspect.note(await read(this.one, key), await read(this.other, key));
        if (suspect.isEqual) suspects.delete(key);
      }
    }
    for (const [key, suspect] of suspects) this.tell(database, key, suspect);
    suspects.clear();
  }

  private tell(database: number, key: string, suspect: Suspect): void {
    const { result, options } = this;
    const { here, there, isBusy } = suspect;
    const shown = `database ${database}, ${JSON.stringify(key)}`;
    if (here.type === there.type && here.digest === '') {
      result.unknown++;
      options.print(`${shown}: a ${here.type} cannot be compared`);
    } else if (isBusy) {
      result.busy++;
      options.print(`${shown}: changes all the time`);
    } else {
      result.different++;
      options.print(`${shown}: ${this.difference(here, there)}`);
    }
  }

  private difference(here: Content, there: Content): string {
    if (there.type === 'none') return `a ${here.type}, missing on ${this.other.name}`;
    if (here.type === 'none') return `a ${there.type}, missing on ${this.one.name}`;
    if (here.type !== there.type) return `a ${here.type} and a ${there.type}`;
    if (here.digest !== there.digest) return `a ${here.type}, the values differ`;
    return `a ${here.type}, ${lifeOf(here)} and ${lifeOf(there)}`;
  }

  private async compareFunctions(): Promise<void> {
    const { one, other, result, options } = this;
    const [mine, others] = [await librariesOf(one), await librariesOf(other)];
    // Before 7.0 there are none.
    if (mine === null || others === null || mine === others) return;
    result.different++;
    options.print('the libraries of functions differ');
  }
}

function lifeOf({ leftMs }: Content): string {
  return leftMs < 0 ? 'without an expiry' : `expires in ${(leftMs / 1000).toFixed(1)} s`;
}

function isSameTime(mine: number, others: number): boolean {
  if (mine < 0 || others < 0) return mine === others;
  return Math.abs(mine - others) <= TIME_MS_MAX;
}

async function read(server: Connection, key: string): Promise<Content> {
  const [described] = await describeKeys(server, [key]);
  return { ...described!, digest: await digestOf(server, key, described!.type) };
}

async function walk(
  server: Connection,
  take: (keys: readonly string[]) => Promise<void>,
): Promise<void> {
  let cursor = '0';
  do {
    const reply = await server.demand('SCAN', cursor, 'COUNT', String(BATCH));
    const [next, keys] = reply as readonly [Reply, Reply];
    cursor = String(next);
    await take(words(keys));
  } while (cursor !== '0');
}

/** Keys by database, from INFO. */
async function databaseSizes(server: Connection): Promise<Map<number, number>> {
  const text = String(await server.demand('INFO', 'keyspace'));
  const sizes = new Map<number, number>();
  for (const [, database, keys] of text.matchAll(/^db(\d+):keys=(\d+)/gm)) {
    sizes.set(Number(database), Number(keys));
  }
  return sizes;
}

async function librariesOf(server: Connection): Promise<string | null> {
  const reply = await server.ask('FUNCTION', 'LIST', 'WITHCODE');
  if (reply instanceof ErrorAnswer || !Array.isArray(reply)) return null;
  const codes = reply.map((library) => words(library).at(-1) ?? '');
  return JSON.stringify(codes.sort());
}
