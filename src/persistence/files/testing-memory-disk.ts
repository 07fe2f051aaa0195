/** For tests: a disk in memory that forgets nothing. */
import type { Disk, DiskFile } from './disk.js';

interface Content {
  bytes: Buffer;
}

class MemoryFile implements DiskFile {
  mayHoldUp = false;

  constructor(private readonly content: Content) {}

  async append(bytes: Uint8Array): Promise<void> {
    this.content.bytes = Buffer.concat([this.content.bytes, bytes]);
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    const { content } = this;
    const grown = Buffer.alloc(Math.max(content.bytes.length, offset + bytes.length));
    content.bytes.copy(grown);
    grown.set(bytes, offset);
    content.bytes = grown;
  }

  async read(offset: number, into: Uint8Array): Promise<number> {
    const part = this.content.bytes.subarray(offset, offset + into.length);
    into.set(part);
    return part.length;
  }

  async length(): Promise<number> {
    return this.content.bytes.length;
  }

  async truncate(bytes: number): Promise<void> {
    this.content.bytes = this.content.bytes.subarray(0, bytes);
  }

  async sync(): Promise<void> {}

  async close(): Promise<void> {}
}

export class MemoryDisk implements Disk {
  private readonly files = new Map<string, Content>();

  bytesOf(path: string): Uint8Array {
    return this.content(path).bytes;
  }

  put(path: string, bytes: Uint8Array): void {
    this.files.set(path, { bytes: Buffer.from(bytes) });
  }

  async create(path: string): Promise<DiskFile> {
    if (this.files.has(path)) throw refusal('EEXIST', path);
    this.put(path, new Uint8Array(0));
    return this.reopen(path);
  }

  async open(path: string): Promise<DiskFile> {
    return this.reopen(path);
  }

  async reopen(path: string): Promise<DiskFile> {
    return new MemoryFile(this.content(path));
  }

  openPlaces(path: string): Promise<DiskFile> {
    return this.reopen(path);
  }

  async rename(from: string, to: string): Promise<void> {
    this.files.set(to, this.content(from));
    this.files.delete(from);
  }

  async unlink(path: string): Promise<void> {
    this.content(path);
    this.files.delete(path);
  }

  async list(folder: string): Promise<string[]> {
    const start = `${folder}/`;
    return [...this.files.keys()]
      .filter((path) => path.startsWith(start))
      .map((path) => path.slice(start.length));
  }

  async makeFolder(): Promise<void> {}

  async syncFolder(): Promise<void> {}

  private content(path: string): Content {
    const content = this.files.get(path);
    if (content === undefined) throw refusal('ENOENT', path);
    return content;
  }
}

function refusal(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
