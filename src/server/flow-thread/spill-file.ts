/**
 * The file for what waits to be sent after an RDB (replication/redis/spill.ts). It has no name from its first
 * moment on, so nothing is left of it whatever happens to the process. The system keeps it in memory while
 * there is room, so reads and writes are made at once.
 */
import { closeSync, ftruncateSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { SpillFile } from '../../replication/redis/spill.js';

let created = 0;

export function createSpillFile(directory: string): SpillFile {
  const path = join(directory, `temp-${process.pid}-${++created}.commands`);
  const descriptor = openSync(path, 'wx+', 0o600);
  unlinkSync(path);
  let end = 0;
  return {
    append(bytes) {
      for (let at = 0; at < bytes.length; ) {
        const written = writeSync(descriptor, bytes, at, bytes.length - at, end);
        at += written;
        end += written;
      }
    },
    read(offset, into) {
      for (let at = 0; at < into.length; ) {
        const count = readSync(descriptor, into, at, into.length - at, offset + at);
        if (count === 0) throw new Error('the file of commands is shorter than what was written');
        at += count;
      }
    },
    clear() {
      ftruncateSync(descriptor, 0);
      end = 0;
    },
    close() {
      closeSync(descriptor);
    },
  };
}
