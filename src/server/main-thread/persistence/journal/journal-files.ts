/**
 * The files of the journal in its folder (appenddirname). Their names begin with appendfilename:
 *
 *   appendonly.aof.3.base                  manifest of the base of chain 3, a native snapshot
 *   appendonly.aof.3.base.<name>.<flow>    the base's files
 *   appendonly.aof.3.17.<flow>.segment     segment 17 of chain 3, a file of each flow
 *   appendonly.aof.3.ended                 chain 3 was switched off
 *
 * A *chain* is one history without a gap: a base, and segments that go on from it or from earlier. It
 * begins anew when the history changes or a sync has failed. Rewriting replaces its base. The current
 * chain is the greatest one that has a base: a base comes into place when it is whole, and everything
 * that it makes superfluous is removed after that. So there is always a whole chain.
 */
import { join } from 'node:path';
import { codeOf, type Disk } from '../../../../persistence/files/disk.js';
import { SnapshotFiles } from '../snapshot-files.js';

export interface SegmentName {
  readonly chain: number;
  readonly number: number;
  readonly flow: number;
}

/** What of a chain is there. */
export interface FoundChain {
  readonly chain: number;
  /** The files of each segment, by flow; in order. */
  readonly segments: readonly {
    readonly number: number;
    readonly flows: ReadonlyMap<number, string>;
  }[];
}

/** What may follow the chain in the name of a file of ours. A Redis's files begin alike, and are not ours. */
const REST =
  /^(base(\.\d{13}-[0-9a-f]{6}\.(\d+|manifest)|\.new)?|\d{1,15}\.\d{1,4}\.segment|ended(\.new)?)$/;

export class JournalFiles {
  /** Chains whose base was missing at the start: somebody may have taken it away, and want it back. */
  private baseless: ReadonlySet<number> = new Set();

  constructor(
    readonly disk: Disk,
    readonly folder: string,
    private readonly prefix: string,
  ) {}

  base(chain: number): SnapshotFiles {
    return new SnapshotFiles(this.disk, this.folder, `${this.prefix}.${chain}.base`);
  }

  segmentPath({ chain, number, flow }: SegmentName): string {
    return join(this.folder, `${this.prefix}.${chain}.${number}.${flow}.segment`);
  }

  /** Of the file that says whose journal it is (file-locks.ts). */
  get lockPath(): string {
    return join(this.folder, `.${this.prefix}.lock`);
  }

  /** Of the file that says that a chain was switched off (ended-chain.ts). */
  endedPath(chain: number): string {
    return join(this.folder, `${this.prefix}.${chain}.ended`);
  }

  /** What follows the prefix in a name of ours: its chain, and the rest; null when it is none. */
  private chainOf(file: string): { chain: number; rest: string } | null {
    if (!file.startsWith(`${this.prefix}.`)) return null;
    const found = /^(\d{1,15})\.(.+)$/.exec(file.slice(this.prefix.length + 1));
    return found === null ? null : { chain: Number(found[1]), rest: found[2]! };
  }

  private async names(): Promise<{ file: string; chain: number; rest: string }[]> {
    let files: string[];
    try {
      files = await this.disk.list(this.folder);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return [];
      throw error;
    }
    return files.flatMap((file) => {
      const named = this.chainOf(file);
      return named === null ? [] : [{ file, ...named }];
    });
  }

  /** The greatest chain of which any file is there; 0 when there is none. */
  async lastChain(): Promise<number> {
    return (await this.names()).reduce((last, { chain }) => Math.max(last, chain), 0);
  }

  /**
   * At the start of a process that has found no chain: keeps files without a base for as long as it runs.
   * @returns the chains that they are of
   */
  async keepBaseless(): Promise<readonly number[]> {
    const chains = (await this.names()).filter(isOurs).map(({ chain }) => chain);
    this.baseless = new Set(chains);
    return [...this.baseless];
  }

  /** @returns the current chain, null when there is none */
  async find(): Promise<FoundChain | null> {
    const names = await this.names();
    const chains = names.filter(({ rest }) => rest === 'base').map(({ chain }) => chain);
    if (chains.length === 0) return null;
    const current = Math.max(...chains);
    const segments = new Map<number, Map<number, string>>();
    for (const { file, chain, rest } of names) {
      const found = /^(\d{1,15})\.(\d{1,4})\.segment$/.exec(rest);
      if (chain !== current || found === null) continue;
      const number = Number(found[1]);
      const flows = segments.get(number) ?? new Map<number, string>();
      segments.set(number, flows.set(Number(found[2]), join(this.folder, file)));
    }
    const sorted = [...segments].sort(([one], [other]) => one - other);
    return { chain: current, segments: sorted.map(([number, flows]) => ({ number, flows })) };
  }

  /** Removes segments behind this one: they were begun, and nothing was written to them. */
  async removeBegun(current: number, last: number): Promise<void> {
    for (const { file, chain, rest } of await this.names()) {
      const found = /^(\d{1,15})\.\d{1,4}\.segment$/.exec(rest);
      if (chain !== current || found === null || Number(found[1]) <= last) continue;
      await this.disk.unlink(join(this.folder, file));
    }
    await this.disk.syncFolder(this.folder);
  }

  /**
   * Removes all other chains that had a base, and the segments of this one before `number`. What cannot be
   * removed goes with the next rewrite.
   */
  async removeOld(current: number, number: number): Promise<void> {
    const isOld = ({ chain, rest }: { chain: number; rest: string }) => {
      if (!isOurs({ rest }) || this.baseless.has(chain)) return false;
      const found = /^(\d{1,15})\.\d{1,4}\.segment$/.exec(rest);
      return chain !== current || (found !== null && Number(found[1]) < number);
    };
    const gone = (await this.names().catch(() => [])).filter(isOld);
    // Manifests first: one that is there names files that are there.
    gone.sort((one, other) => Number(other.rest === 'base') - Number(one.rest === 'base'));
    for (const { file } of gone) await this.disk.unlink(join(this.folder, file)).catch(() => {});
  }
}

function isOurs({ rest }: { readonly rest: string }): boolean {
  return REST.test(rest);
}
