/** The disk of this machine, over node:fs. The work is done by libuv's threads. */
import { type FileHandle, mkdir, open, readdir, rename, unlink } from 'node:fs/promises';
import type { Disk, DiskFile } from './disk.js';

/** As Redis: the umask takes away what others may not have. */
const FILE_MODE = 0o644;

class NodeFile implements DiskFile {
  constructor(private readonly handle: FileHandle) {}

  async append(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await this.handle.write(bytes, at, bytes.length - at);
      at += bytesWritten;
    }
  }

  async read(offset: number, into: Uint8Array): Promise<number> {
    let at = 0;
    while (at < into.length) {
      const { bytesRead } = await this.handle.read(into, at, into.length - at, offset + at);
      if (bytesRead === 0) break;
      at += bytesRead;
    }
    return at;
  }

  async length(): Promise<number> {
    return (await this.handle.stat()).size;
  }

  truncate(bytes: number): Promise<void> {
    return this.handle.truncate(bytes);
  }

  sync(): Promise<void> {
    return this.handle.datasync();
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}

export const nodeDisk: Disk = {
  async create(path: string): Promise<DiskFile> {
    return new NodeFile(await open(path, 'ax', FILE_MODE));
  },

  async open(path: string): Promise<DiskFile> {
    return new NodeFile(await open(path, 'r'));
  },

  async reopen(path: string): Promise<DiskFile> {
    const existing = await open(path, 'r+');
    await existing.close();
    return new NodeFile(await open(path, 'a+', FILE_MODE));
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
    await mkdir(path, { recursive: true });
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
