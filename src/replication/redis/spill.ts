/**
 * Bytes that wait to be sent: the commands that follow an RDB. The first of them lie in memory, all that
 * come when that is full in a file, so that memory is constant however long the RDB takes.
 *
 *   memory  ─── the oldest, MEMORY_BYTES_MAX
 *   file    ─── all that came later, until it is read to its end
 */
export const MEMORY_BYTES_MAX = 1 << 20;
/** A file does not grow beyond this. */
export const FILE_BYTES_MAX = 64 * 2 ** 30;

/** A file of no name, of which nothing is left when it is closed. */
export interface SpillFile {
  /** Appends at the end. @throws when the disk refuses */
  append(bytes: Uint8Array): void;
  /** Fills `into` from an offset on, where there are as many bytes. @throws when the disk refuses */
  read(offset: number, into: Uint8Array): void;
  /** Forgets all bytes. */
  clear(): void;
  close(): void;
}

export class Spill {
  /** All bytes that were ever appended, and those that were taken. */
  total = 0;
  taken = 0;
  private memory: Buffer[] = [];
  private memoryBytes = 0;
  private file: SpillFile | null = null;
  private fileBytes = 0;
  private fileTaken = 0;

  constructor(
    private readonly createFile: () => SpillFile,
    private readonly memoryBytesMax = MEMORY_BYTES_MAX,
  ) {}

  get left(): number {
    return this.total - this.taken;
  }

  /** @throws when the disk refuses, or has too much already */
  append(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const fits = this.memoryBytes + bytes.length <= this.memoryBytesMax;
    if (this.fileBytes === 0 && (fits || this.memoryBytes === 0)) {
      this.memory.push(Buffer.from(bytes));
      this.memoryBytes += bytes.length;
    } else {
      this.appendToFile(bytes);
    }
    this.total += bytes.length;
  }

  private appendToFile(bytes: Uint8Array): void {
    if (this.fileBytes + bytes.length > FILE_BYTES_MAX) {
      throw new Error(`more than ${FILE_BYTES_MAX} bytes were written during the full sync`);
    }
    this.file ??= this.createFile();
    this.file.append(bytes);
    this.fileBytes += bytes.length;
  }

  /** Takes the oldest bytes: about `most`, at least some if there are any. They are the caller's. */
  take(most: number): Buffer {
    let bytes: Buffer;
    if (this.memory.length > 0) {
      bytes = this.takeFromMemory(most);
    } else {
      bytes = Buffer.allocUnsafe(Math.min(most, this.fileBytes - this.fileTaken));
      if (bytes.length > 0) this.takeFromFile(bytes);
    }
    this.taken += bytes.length;
    return bytes;
  }

  private takeFromMemory(most: number): Buffer {
    let bytes = 0;
    let count = 0;
    while (count < this.memory.length && (count === 0 || bytes < most)) {
      bytes += this.memory[count++]!.length;
    }
    this.memoryBytes -= bytes;
    return Buffer.concat(this.memory.splice(0, count));
  }

  private takeFromFile(into: Buffer): void {
    this.file!.read(this.fileTaken, into);
    this.fileTaken += into.length;
    if (this.fileTaken < this.fileBytes) return;
    this.file!.clear();
    this.fileTaken = 0;
    this.fileBytes = 0;
  }

  close(): void {
    this.file?.close();
    this.file = null;
    this.memory = [];
  }
}
