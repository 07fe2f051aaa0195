/**
 * A flow's file: what a replica would have been sent on one flow (replication/wire.ts), between a
 * header that says whose data it is and an end that says that it is whole.
 *
 *   0      8    'DARTERFL'
 *   8      u32  version of the format
 *   12     u32  index of the flow
 *   16     u32  flows
 *   20     u32  shards
 *   24     u32  databases
 *   28     u32  over how many shards the keys of a hash tag are spread
 *   32     i32  hash key, first word
 *   36     i32  hash key, second word
 *   40     f64  when it was begun, in milliseconds since 1970
 *   48     40   replication id, hexadecimal
 *   88     32   name of the set of files it belongs to, padded with zeroes
 *   120    u32  0
 *   124    u32  checksum of bytes 0 to 124 and 128 of the header's words before it
 *   128         blocks
 *
 *   end:
 *   0      8    'DARTERND'
 *   8      f64  bytes before the end
 *   16     u32  checksum of all bytes before the end (file-checksum.ts)
 *   20     u32  checksum of the end's first 20 bytes
 *
 * All numbers are little-endian. A file that was not finished has no end: who reads it decides what
 * that means. A snapshot without it is refused; the last file of a journal may be cut off.
 */
import { DamagedFile } from './damaged-file.js';
import type { Disk, DiskFile } from './disk.js';
import { checksumOf, FileChecksum } from './file-checksum.js';

/** 2: parts of large values come in their own form; 3: those of sorted sets too. All are read. */
export const FLOW_FILE_VERSION = 3;
const FIRST_VERSION = 1;
export const FLOW_HEADER_BYTES = 128;
export const FLOW_END_BYTES = 24;
const MAGIC = 'DARTERFL';
const END_MAGIC = 'DARTERND';
const ID_OFFSET = 48;
const ID_BYTES = 40;
const NAME_OFFSET = 88;
export const SET_NAME_BYTES_MAX = 32;
const CHECKSUM_OFFSET = 124;

/** Whose data a file holds. */
export interface FlowFileHeader {
  readonly index: number;
  readonly flows: number;
  readonly shards: number;
  readonly databases: number;
  readonly spread: number;
  readonly hashKey0: number;
  readonly hashKey1: number;
  readonly createdMs: number;
  /** 40 hexadecimal digits. */
  readonly replicationId: string;
  /** Name of the set of files, SET_NAME_BYTES_MAX at most. */
  readonly setName: string;
}

export function encodeHeader(header: FlowFileHeader): Uint8Array {
  const bytes = Buffer.alloc(FLOW_HEADER_BYTES);
  bytes.write(MAGIC, 0, 'latin1');
  const { index, flows, shards, databases, spread } = header;
  [FLOW_FILE_VERSION, index, flows, shards, databases, spread].forEach((word, i) => {
    bytes.writeUInt32LE(word, 8 + i * 4);
  });
  bytes.writeInt32LE(header.hashKey0, 32);
  bytes.writeInt32LE(header.hashKey1, 36);
  bytes.writeDoubleLE(header.createdMs, 40);
  bytes.write(header.replicationId, ID_OFFSET, ID_BYTES, 'latin1');
  bytes.write(header.setName, NAME_OFFSET, SET_NAME_BYTES_MAX, 'latin1');
  bytes.writeUInt32LE(checksumOf(bytes.subarray(0, CHECKSUM_OFFSET)), CHECKSUM_OFFSET);
  return bytes;
}

/** @returns the header, or what is wrong with it */
export function decodeHeader(source: Uint8Array): FlowFileHeader | string {
  const bytes = Buffer.from(source.buffer, source.byteOffset, source.length);
  if (bytes.length < FLOW_HEADER_BYTES) return `${bytes.length} bytes are no header`;
  if (bytes.toString('latin1', 0, 8) !== MAGIC) return "it is no flow's file of Darter";
  if (bytes.readUInt32LE(CHECKSUM_OFFSET) !== checksumOf(bytes.subarray(0, CHECKSUM_OFFSET))) {
    return 'the checksum of its header is wrong';
  }
  const version = bytes.readUInt32LE(8);
  if (version < FIRST_VERSION || version > FLOW_FILE_VERSION) {
    return `version ${version} of the format is not known, only up to ${FLOW_FILE_VERSION}`;
  }
  return {
    index: bytes.readUInt32LE(12),
    flows: bytes.readUInt32LE(16),
    shards: bytes.readUInt32LE(20),
    databases: bytes.readUInt32LE(24),
    spread: bytes.readUInt32LE(28),
    hashKey0: bytes.readInt32LE(32),
    hashKey1: bytes.readInt32LE(36),
    createdMs: bytes.readDoubleLE(40),
    replicationId: bytes.toString('latin1', ID_OFFSET, ID_OFFSET + ID_BYTES),
    setName: bytes
      .toString('latin1', NAME_OFFSET, NAME_OFFSET + SET_NAME_BYTES_MAX)
      .replace(/\0+$/, ''),
  };
}

/** What a file's end says. */
export interface FlowFileEnd {
  /** Bytes before the end. */
  readonly bytes: number;
  readonly checksum: number;
}

export function encodeEnd(end: FlowFileEnd): Uint8Array {
  const bytes = Buffer.alloc(FLOW_END_BYTES);
  bytes.write(END_MAGIC, 0, 'latin1');
  bytes.writeDoubleLE(end.bytes, 8);
  bytes.writeUInt32LE(end.checksum, 16);
  bytes.writeUInt32LE(checksumOf(bytes.subarray(0, 20)), 20);
  return bytes;
}

/** @returns null when the bytes are no end of a file of this length */
export function decodeEnd(source: Uint8Array, fileBytes: number): FlowFileEnd | null {
  const bytes = Buffer.from(source.buffer, source.byteOffset, source.length);
  if (bytes.length !== FLOW_END_BYTES || bytes.toString('latin1', 0, 8) !== END_MAGIC) return null;
  if (bytes.readUInt32LE(20) !== checksumOf(bytes.subarray(0, 20))) return null;
  const end = { bytes: bytes.readDoubleLE(8), checksum: bytes.readUInt32LE(16) };
  return end.bytes === fileBytes - FLOW_END_BYTES ? end : null;
}

export class FlowFileWriter {
  /** Bytes in the file. */
  bytes = 0;
  private readonly sum = new FileChecksum();

  private constructor(
    readonly path: string,
    private readonly file: DiskFile,
  ) {}

  static async create(disk: Disk, path: string, header: FlowFileHeader): Promise<FlowFileWriter> {
    const writer = new FlowFileWriter(path, await disk.create(path));
    try {
      await writer.append(encodeHeader(header));
    } catch (error) {
      await writer.close();
      throw error;
    }
    return writer;
  }

  /** Writes blocks: a multiple of 8 bytes, which stay as they are until it resolves. One at a time. */
  async append(blocks: Uint8Array): Promise<void> {
    await this.file.append(blocks);
    this.sum.update(blocks);
    this.bytes += blocks.length;
  }

  /** After an append that failed: takes away what was written of it, so that it can be tried again. */
  cutBack(): Promise<void> {
    return this.file.truncate(this.bytes);
  }

  /** See DiskFile. */
  set mayHoldUp(mayHoldUp: boolean) {
    this.file.mayHoldUp = mayHoldUp;
  }

  sync(): Promise<void> {
    return this.file.sync();
  }

  /**
   * Writes the end, so that the file is whole. Closes it.
   * @param isKept whether it is to outlive a crash: then all is brought to the disk
   */
  async finish(isKept = true): Promise<FlowFileEnd> {
    const end = { bytes: this.bytes, checksum: this.sum.value };
    try {
      await this.file.append(encodeEnd(end));
      this.bytes += FLOW_END_BYTES;
      if (isKept) await this.file.sync();
    } finally {
      await this.file.close();
    }
    return end;
  }

  /** Closes it as it is. */
  close(): Promise<void> {
    return this.file.close();
  }
}

export class FlowFileReader {
  /** Offset in the file of what is read next. */
  offset = FLOW_HEADER_BYTES;
  private readonly sum = new FileChecksum();

  private constructor(
    readonly path: string,
    readonly header: FlowFileHeader,
    /** null when the file was not finished. */
    readonly end: FlowFileEnd | null,
    /** Bytes of the file. */
    readonly fileBytes: number,
    private readonly file: DiskFile,
  ) {}

  /** @throws DamagedFile when its header is wrong; Error of the system when it cannot be read */
  static async open(disk: Disk, path: string): Promise<FlowFileReader> {
    const file = await disk.open(path);
    try {
      const fileBytes = await file.length();
      const head = new Uint8Array(FLOW_HEADER_BYTES);
      const got = await file.read(0, head);
      const header = decodeHeader(head.subarray(0, got));
      if (typeof header === 'string') throw new DamagedFile(path, 0, header);
      const tail = new Uint8Array(FLOW_END_BYTES);
      const isLong = fileBytes >= FLOW_HEADER_BYTES + FLOW_END_BYTES;
      if (isLong) await file.read(fileBytes - FLOW_END_BYTES, tail);
      const end = isLong ? decodeEnd(tail, fileBytes) : null;
      const reader = new FlowFileReader(path, header, end, fileBytes, file);
      reader.sum.update(head);
      return reader;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Where the blocks end. */
  get blocksEnd(): number {
    return this.end?.bytes ?? this.fileBytes;
  }

  /**
   * Reads the next bytes of blocks.
   * @returns how many; 0 at the end, where the checksum of a finished file is right
   * @throws DamagedFile
   */
  async read(into: Uint8Array): Promise<number> {
    const wanted = Math.min(into.length, this.blocksEnd - this.offset);
    if (wanted === 0) {
      this.checkWhole();
      return 0;
    }
    const got = await this.file.read(this.offset, into.subarray(0, wanted));
    if (got < wanted) {
      throw new DamagedFile(this.path, this.offset + got, 'the file has become shorter');
    }
    this.offset += got;
    if (this.end !== null) this.addToSum(into, got);
    return got;
  }

  /** After all blocks were read: what is wrong within one is better known to whoever reads it. */
  private checkWhole(): void {
    if (this.end === null || this.whole === this.end.checksum) return;
    throw new DamagedFile(this.path, this.offset, 'the checksum of the whole file is wrong');
  }

  /** Bytes of a read that were no multiple of 8, until the next one. */
  private readonly carry = new Uint8Array(8);
  private carried = 0;

  private addToSum(source: Uint8Array, length: number): void {
    let at = 0;
    if (this.carried > 0 || (source.byteOffset & 3) !== 0) {
      for (; at < length && (this.carried > 0 || ((source.byteOffset + at) & 3) !== 0); at++) {
        this.carry[this.carried++] = source[at]!;
        if (this.carried < 8) continue;
        this.sum.update(this.carry);
        this.carried = 0;
      }
    }
    const even = (length - at) & ~7;
    if (even > 0) this.sum.update(source.subarray(at, at + even));
    for (at += even; at < length; at++) this.carry[this.carried++] = source[at]!;
  }

  /** The checksum of all that was read. -1 when that was no multiple of 8 bytes. */
  private get whole(): number {
    return this.carried === 0 ? this.sum.value : -1;
  }

  close(): Promise<void> {
    return this.file.close();
  }
}
