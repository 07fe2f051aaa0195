/**
 * The disk of this machine, over node:fs. The work is done by libuv's threads, or by the caller's own where
 * it allows that and the disk is quick (disk-pace.ts).
 */
import { constants, fdatasyncSync, writeSync } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, stat, unlink } from 'node:fs/promises';
import { codeOf, type Disk, type DiskFile, withPath } from './disk.js';
import { DiskPace } from './disk-pace.js';

/** As Redis: the umask takes away what others may not have. */
const FILE_MODE = 0o644;
/** A pipe in the place of a file has no end to wait for: it is opened, and has nothing. */
const READ_FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

class NodeFile implements DiskFile {
  mayHoldUp = false;
  private readonly pace = new DiskPace();

  constructor(
    private readonly path: string,
    private readonly handle: FileHandle,
  ) {}

  append(bytes: Uint8Array): Promise<void> {
    return this.named(
      this.paced(
        () => this.writeHere(bytes),
        () => this.writeAll(bytes, null),
      ),
    );
  }

  private writeHere(bytes: Uint8Array): void {
    const { fd } = this.handle;
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at);
  }

  /** Does what may hold the caller up, or has it done elsewhere. */
  private async paced(here: () => void, elsewhere: () => Promise<void>): Promise<void> {
    if (!this.mayHoldUp) return elsewhere();
    const { pace } = this;
    const beganMs = performance.now();
    if (pace.isQuick) here();
    else await elsewhere();
    pace.note(performance.now() - beganMs);
  }

  write(offset: number, bytes: Uint8Array): Promise<void> {
    return this.named(this.writeAll(bytes, offset));
  }

  private async writeAll(bytes: Uint8Array, offset: number | null): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const place = offset === null ? null : offset + at;
      const { bytesWritten } = await this.handle.write(bytes, at, bytes.length - at, place);
      at += bytesWritten;
    }
  }

  read(offset: number, into: Uint8Array): Promise<number> {
    return this.named(this.readAll(offset, into));
  }

  private async readAll(offset: number, into: Uint8Array): Promise<number> {
    let at = 0;
    while (at < into.length) {
      const { bytesRead } = await this.handle.read(into, at, into.length - at, offset + at);
      if (bytesRead === 0) break;
      at += bytesRead;
    }
    return at;
  }

  async length(): Promise<number> {
    return (await this.named(this.handle.stat())).size;
  }

  truncate(bytes: number): Promise<void> {
    return this.named(this.handle.truncate(bytes));
  }

  sync(): Promise<void> {
    return this.named(
      this.paced(
        () => fdatasyncSync(this.handle.fd),
        () => this.handle.datasync(),
      ),
    );
  }

  close(): Promise<void> {
    return this.named(this.handle.close());
  }

  /** The system's errors say of which file they are: those of an open file do not by themselves. */
  private async named<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      throw withPath(error, this.path);
    }
  }
}

export const nodeDisk: Disk = {
  async create(path: string): Promise<DiskFile> {
    return new NodeFile(path, await open(path, 'ax', FILE_MODE));
  },

  async open(path: string): Promise<DiskFile> {
    return new NodeFile(path, await open(path, READ_FLAGS));
  },

  async reopen(path: string): Promise<DiskFile> {
    const existing = await open(path, 'r+');
    await existing.close();
    return new NodeFile(path, await open(path, 'a+', FILE_MODE));
  },

  async openPlaces(path: string): Promise<DiskFile> {
    return new NodeFile(path, await open(path, 'r+'));
  },

  rename(from: string, to: string): Promise<void> {
    return rename(from, to);
  },

  unlink(path: string): Promise<void> {
    return unlink(path);
  },

  list(folder: string): Promise<string[]> {
    return readdir(folder);
  },

  async makeFolder(path: string): Promise<void> {
    // Not `recursive`: where the system says ENOENT of a name in a folder that is there, as in /proc,
    // Node.js tries for ever.
    try {
      await mkdir(path);
    } catch (error) {
      const isThere = codeOf(error) === 'EEXIST' && (await stat(path)).isDirectory();
      if (!isThere) throw error;
    }
  },

  async syncFolder(path: string): Promise<void> {
    const handle = await open(path, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
};
