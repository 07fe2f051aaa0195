/**
 * For tests: a disk that loses what was not synced. A crash leaves of each file what was synced, and of
 * what was written after that any sectors, in any combination; of a folder's changes since its last
 * sync the first ones, any number of them, or any at all. A failed sync loses what it should have brought to the disk,
 * and says nothing of it later. Operations end in any order that the test chooses.
 */
import type { Disk, DiskFile } from './disk.js';

const SECTOR_BYTES = 512;

/** Where chance comes from. */
export interface DiskRandom {
  below(bound: number): number;
  chance(probability: number): boolean;
}

export type DiskOperation = 'create' | 'append' | 'read' | 'truncate' | 'sync' | 'name';

class SimulatedContent {
  /** What reads give. */
  bytes = Buffer.alloc(0);
  /** What is on the disk for sure. */
  durable = Buffer.alloc(0);
  /** Sectors that were written since. A failed sync forgets them. */
  readonly dirty = new Set<number>();

  write(at: number, part: Uint8Array): void {
    const bytes = Buffer.alloc(Math.max(this.bytes.length, at + part.length));
    this.bytes.copy(bytes);
    bytes.set(part, at);
    this.bytes = bytes;
    const last = Math.floor((at + part.length - 1) / SECTOR_BYTES);
    for (let i = Math.floor(at / SECTOR_BYTES); i <= last; i++) this.dirty.add(i);
  }

  sync(sectors: ReadonlySet<number> = new Set(this.dirty)): void {
    for (const sector of sectors) {
      this.keep(sector);
      this.dirty.delete(sector);
    }
    this.durable = this.durable.subarray(0, this.bytes.length);
  }

  private keep(sector: number): void {
    const from = sector * SECTOR_BYTES;
    const part = this.bytes.subarray(from, from + SECTOR_BYTES);
    const durable = Buffer.alloc(Math.max(this.durable.length, from + part.length));
    this.durable.copy(durable);
    durable.set(part, from);
    this.durable = durable;
  }

  crash(random: DiskRandom): void {
    for (const sector of this.dirty) if (random.chance(0.6)) this.keep(sector);
    this.dirty.clear();
    this.bytes = Buffer.from(this.durable);
  }
}

export class Crashed extends Error {
  constructor() {
    super('the machine is down');
  }
}

export class SimulatedDisk implements Disk {
  /** Before each operation: returns when it is done, and may fail it with a code. */
  before: (operation: DiskOperation, path: string) => Promise<string | null> = async () => null;
  /** The machine is down: nothing is done any more. */
  isDown = false;
  private names = new Map<string, SimulatedContent>();
  private durableNames = new Map<string, SimulatedContent>();
  /** Changes of names since the last sync of their folder. */
  private changes: ((names: Map<string, SimulatedContent>) => void)[] = [];

  constructor(private readonly random: DiskRandom) {}

  /** The machine goes down, and is up again. */
  crash(): void {
    const { random } = this;
    // File systems differ in whether changes of names survive in their order.
    const isOrdered = random.chance(0.5);
    const kept = random.below(this.changes.length + 1);
    for (const [index, change] of this.changes.entries()) {
      if (isOrdered ? index < kept : random.chance(0.6)) change(this.durableNames);
    }
    this.changes = [];
    this.names = new Map(this.durableNames);
    for (const content of this.names.values()) content.crash(random);
  }

  get paths(): string[] {
    return [...this.names.keys()];
  }

  /** Changes a bit of a file. */
  flip(path: string, offset: number, bit: number): void {
    const content = this.content(path);
    content.bytes[offset]! ^= 1 << bit;
    content.durable = Buffer.from(content.bytes);
  }

  /** Takes away the end of a file. */
  cut(path: string, bytes: number): void {
    const content = this.content(path);
    content.bytes = Buffer.from(content.bytes.subarray(0, bytes));
    content.durable = Buffer.from(content.bytes);
  }

  lengthOf(path: string): number {
    return this.content(path).bytes.length;
  }

  async step(operation: DiskOperation, path: string): Promise<void> {
    if (this.isDown) throw new Crashed();
    const code = await this.before(operation, path);
    if (this.isDown) throw new Crashed();
    if (code !== null) throw refusal(code, path);
  }

  private change(make: (names: Map<string, SimulatedContent>) => void): void {
    make(this.names);
    this.changes.push(make);
  }

  content(path: string): SimulatedContent {
    const content = this.names.get(path);
    if (content === undefined) throw refusal('ENOENT', path);
    return content;
  }

  async create(path: string): Promise<DiskFile> {
    await this.step('create', path);
    if (this.names.has(path)) throw refusal('EEXIST', path);
    const content = new SimulatedContent();
    this.change((names) => names.set(path, content));
    return new SimulatedFile(this, path, content, this.random);
  }

  async open(path: string): Promise<DiskFile> {
    return new SimulatedFile(this, path, this.content(path), this.random);
  }

  reopen(path: string): Promise<DiskFile> {
    return this.open(path);
  }

  openPlaces(path: string): Promise<DiskFile> {
    return this.open(path);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.step('name', from);
    const content = this.content(from);
    this.change((names) => {
      names.set(to, content);
      names.delete(from);
    });
  }

  async unlink(path: string): Promise<void> {
    await this.step('name', path);
    this.content(path);
    this.change((names) => names.delete(path));
  }

  async list(folder: string): Promise<string[]> {
    const start = `${folder}/`;
    return this.paths.filter((path) => path.startsWith(start)).map((p) => p.slice(start.length));
  }

  async makeFolder(): Promise<void> {}

  async syncFolder(path: string): Promise<void> {
    await this.step('sync', path);
    this.changes = [];
    this.durableNames = new Map(this.names);
  }
}

class SimulatedFile implements DiskFile {
  mayHoldUp = false;

  constructor(
    private readonly disk: SimulatedDisk,
    private readonly path: string,
    private readonly content: SimulatedContent,
    private readonly random: DiskRandom,
  ) {}

  append(bytes: Uint8Array): Promise<void> {
    return this.put(() => this.content.bytes.length, bytes);
  }

  write(offset: number, bytes: Uint8Array): Promise<void> {
    return this.put(() => offset, bytes);
  }

  private async put(place: () => number, bytes: Uint8Array): Promise<void> {
    const copy = Buffer.from(bytes);
    try {
      await this.disk.step('append', this.path);
    } catch (error) {
      // A part of it may have been written.
      const part = copy.subarray(0, this.random.below(copy.length + 1));
      if (part.length > 0) this.content.write(place(), part);
      throw error;
    }
    if (copy.length > 0) this.content.write(place(), copy);
  }

  async read(offset: number, into: Uint8Array): Promise<number> {
    await this.disk.step('read', this.path);
    const part = this.content.bytes.subarray(offset, offset + into.length);
    into.set(part);
    return part.length;
  }

  async length(): Promise<number> {
    return this.content.bytes.length;
  }

  async truncate(bytes: number): Promise<void> {
    await this.disk.step('truncate', this.path);
    this.content.bytes = this.content.bytes.subarray(0, bytes);
    this.content.dirty.add(Math.floor(bytes / SECTOR_BYTES));
  }

  async sync(): Promise<void> {
    const { content } = this;
    const synced = new Set(content.dirty);
    try {
      await this.disk.step('sync', this.path);
    } catch (error) {
      // The process ended before the disk was asked.
      if (error instanceof Crashed) throw error;
      for (const sector of synced) content.dirty.delete(sector);
      throw error;
    }
    content.sync(synced);
  }

  async close(): Promise<void> {}
}

function refusal(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
