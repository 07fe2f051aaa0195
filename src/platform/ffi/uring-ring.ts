/**
 * One io_uring: set-up, the submission queue, `enter`. It knows nothing of sockets.
 *
 * The kernel shares two mappings with us (offsets in bytes come from io_uring_setup):
 *
 *   rings   | sq head | sq tail | sq flags | cq head | cq tail | ... | cqes: 16 B each | sq array |
 *   sqes    | entry 0: 64 B | entry 1 | ...
 *
 *   cqe     0 user_data (two 32-bit words)   8 result, or -errno   12 flags (buffer id in bits 16-31)
 *   sqe     0 opcode  1 flags  2 ioprio (16 bits)   4 descriptor   8 off   16 address   24 length
 *           28 operation flags   32 user_data   40 buffer group (16 bits)   42-63 zero
 *
 * DEFER_TASKRUN makes the kernel run all completion work inside our own `enter`, on this thread, so
 * neither side ever changes a queue while the other looks: ordinary loads and stores are enough for
 * heads and tails, and no `Atomics` appear. That is also why kernels without it get epoll instead.
 */
import { TransportError } from '../transport.js';
import { errno, type Libc, mapMemory, requireLibc, systemError, viewOf } from './libc.js';
import { createRegion } from './region.js';
import * as abi from './uring-abi.js';

const SETUP_FLAGS =
  abi.SETUP_CQSIZE |
  abi.SETUP_CLAMP |
  abi.SETUP_SUBMIT_ALL |
  abi.SETUP_COOP_TASKRUN |
  abi.SETUP_SINGLE_ISSUER |
  abi.SETUP_DEFER_TASKRUN;
const FEATURES =
  abi.FEATURE_SINGLE_MMAP | abi.FEATURE_NODROP | abi.FEATURE_EXT_ARG | abi.FEATURE_CQE_SKIP;

const SQE_WORDS = 16;
const SQE_BYTES = 64;
const TWO_32 = 4294967296;
const MAP_SHARED_POPULATE = 0x8001;

/** Words of `io_uring_params`: what the kernel fills in. */
const PARAM = {
  sqEntries: 0,
  cqEntries: 1,
  flags: 2,
  features: 5,
  sqHead: 10,
  sqTail: 11,
  sqFlags: 14,
  sqArray: 16,
  cqHead: 20,
  cqTail: 21,
  cqCqes: 25,
} as const;
const PARAM_WORDS = 30;

/** Bytes of the argument block: io_uring_getevents_arg (24), then the timespec it points to (16). */
const TIMESPEC_OFFSET = 24;
const ARGUMENT_BYTES = 40;

const EINTR = 4;
const EAGAIN = 11;
const EBUSY = 16;
const ETIME = 62;

export class Ring {
  readonly descriptor: number;
  /** The mapping with both queues, as words. */
  rings: Int32Array;
  /** Word indices in `rings`. */
  readonly cqHeadAt: number;
  readonly cqTailAt: number;
  readonly cqesAt: number;
  readonly cqMask: number;
  private readonly sqHeadAt: number;
  private readonly sqFlagsAt: number;
  private readonly sqTailAt: number;
  private sqes: Int32Array;
  private readonly sqMask: number;
  private readonly sqEntries: number;
  private sqTail = 0;
  private readonly argument = createRegion(ARGUMENT_BYTES);
  private waitMs = -2;
  /** The descriptor as `enter` takes it: an index in the thread's registered rings, if possible. */
  private enterDescriptor: number;
  private enterFlags = 0;
  private readonly native: Libc;
  private readonly ringsAddress: number;
  private readonly sqesAddress: number;

  /** @throws TransportError: ENOSYS, EPERM, EINVAL where the kernel has or allows no such ring */
  constructor(submissionEntries: number, completionEntries: number) {
    this.native = requireLibc();
    const parameters = createRegion(PARAM_WORDS * 4);
    const words = parameters.words;
    words[PARAM.cqEntries] = completionEntries;
    words[PARAM.flags] = SETUP_FLAGS;
    const descriptor = this.call(abi.SYS_IO_URING_SETUP, submissionEntries, parameters.address);
    if (descriptor < 0) throw systemError(errno(), 'io_uring_setup');
    this.descriptor = descriptor;
    this.enterDescriptor = descriptor;
    const at = (name: keyof typeof PARAM) => words[PARAM[name]]!;
    if ((at('features') & FEATURES) !== FEATURES) {
      this.native.close(descriptor);
      throw new TransportError('EINVAL', 'io_uring lacks features');
    }
    this.sqEntries = at('sqEntries');
    this.sqMask = this.sqEntries - 1;
    this.cqMask = at('cqEntries') - 1;
    const ringsBytes = Math.max(
      at('sqArray') + this.sqEntries * 4,
      at('cqCqes') + at('cqEntries') * 16,
    );
    this.ringsAddress = mapMemory(ringsBytes, MAP_SHARED_POPULATE, descriptor, abi.OFFSET_SQ_RING);
    this.sqesAddress = mapMemory(
      this.sqEntries * SQE_BYTES,
      MAP_SHARED_POPULATE,
      descriptor,
      abi.OFFSET_SQES,
    );
    this.rings = new Int32Array(viewOf(this.ringsAddress, ringsBytes));
    this.sqes = new Int32Array(viewOf(this.sqesAddress, this.sqEntries * SQE_BYTES));
    this.sqHeadAt = at('sqHead') >> 2;
    this.sqTailAt = at('sqTail') >> 2;
    this.sqFlagsAt = at('sqFlags') >> 2;
    this.cqHeadAt = at('cqHead') >> 2;
    this.cqTailAt = at('cqTail') >> 2;
    this.cqesAt = at('cqCqes') >> 2;
    // Entry i of the queue is always sqe i: the indirection is set once.
    const arrayAt = at('sqArray') >> 2;
    for (let i = 0; i < this.sqEntries; i++) this.rings[arrayAt + i] = i;
    const { view, address } = this.argument;
    view.setBigUint64(16, BigInt(address + TIMESPEC_OFFSET), true);
    this.registerDescriptor();
  }

  private call(number: number, first: number, address: number): number {
    return this.native.syscall(number, first, address, 0, 0, 0, 0);
  }

  /** Saves the kernel a look-up of the descriptor at each `enter`. Optional: old kernels refuse. */
  private registerDescriptor(): void {
    const update = createRegion(16);
    update.view.setUint32(0, 0xffffffff, true);
    update.view.setInt32(8, this.descriptor, true);
    if (this.register(abi.REGISTER_RING_FDS, update.address, 1) !== 1) return;
    this.enterDescriptor = update.words[0]!;
    this.enterFlags = abi.ENTER_REGISTERED_RING;
  }

  /** @returns the kernel's answer, -1 on failure */
  register(operation: number, address: number, count: number): number {
    return this.native.syscall(
      abi.SYS_IO_URING_REGISTER,
      this.descriptor,
      operation,
      address,
      count,
      0,
      0,
    );
  }

  /**
   * Queues one operation. `flagsAndPriority` is opcode | flags << 8 | ioprio << 16.
   * The words of an entry that are not set here stay zero for ever.
   */
  queue(
    operation: number,
    descriptor: number,
    address: number,
    length: number,
    operationFlags: number,
    dataLow: number,
    dataHigh: number,
    bufferGroup: number,
  ): void {
    const at = this.reserve();
    const sqes = this.sqes;
    sqes[at] = operation;
    sqes[at + 1] = descriptor;
    sqes[at + 4] = address;
    sqes[at + 5] = address / TWO_32;
    sqes[at + 6] = length;
    sqes[at + 7] = operationFlags;
    sqes[at + 8] = dataLow;
    sqes[at + 9] = dataHigh;
    sqes[at + 10] = bufferGroup;
  }

  /** Queues the cancelling of the operation whose user_data is (targetLow, targetHigh). */
  queueCancel(targetLow: number, targetHigh: number, dataLow: number, dataHigh: number): void {
    const at = this.reserve();
    const sqes = this.sqes;
    sqes[at] = abi.OP_ASYNC_CANCEL | (abi.SQE_CQE_SKIP_SUCCESS << 8);
    sqes[at + 1] = -1;
    sqes[at + 4] = targetLow;
    sqes[at + 5] = targetHigh;
    sqes[at + 6] = 0;
    sqes[at + 7] = 0;
    sqes[at + 8] = dataLow;
    sqes[at + 9] = dataHigh;
    sqes[at + 10] = 0;
  }

  /** The first word of the next free entry. */
  private reserve(): number {
    const tail = this.sqTail;
    if (((tail - this.rings[this.sqHeadAt]!) | 0) >= this.sqEntries) this.makeRoom();
    this.sqTail = (tail + 1) | 0;
    return (tail & this.sqMask) * SQE_WORDS;
  }

  /** The submission queue is full: submits what there is, without waiting for anything. */
  private makeRoom(): void {
    for (let attempt = 0; attempt < 100; attempt++) {
      this.submit(attempt === 0 ? 0 : abi.ENTER_GETEVENTS, 0);
      if (((this.sqTail - this.rings[this.sqHeadAt]!) | 0) < this.sqEntries) return;
    }
    throw new Error('the kernel takes no submissions');
  }

  private submit(flags: number, minimumEvents: number): number {
    const rings = this.rings;
    rings[this.sqTailAt] = this.sqTail;
    return this.native.syscall(
      abi.SYS_IO_URING_ENTER,
      this.enterDescriptor,
      (this.sqTail - rings[this.sqHeadAt]!) | 0,
      minimumEvents,
      flags | this.enterFlags,
      flags & abi.ENTER_EXT_ARG ? this.argument.address : 0,
      TIMESPEC_OFFSET,
    );
  }

  /**
   * Submits everything queued and waits for a completion, at most `timeoutMs` (0: only looks;
   * negative: as long as it takes). Completions lie between `cqHead` and `cqTail` then.
   */
  enter(timeoutMs: number): void {
    let result: number;
    if (timeoutMs === 0) {
      result = this.submit(abi.ENTER_GETEVENTS, 0);
    } else if (timeoutMs < 0) {
      result = this.submit(abi.ENTER_GETEVENTS, 1);
    } else {
      if (timeoutMs !== this.waitMs) this.setWait(timeoutMs);
      result = this.submit(abi.ENTER_GETEVENTS | abi.ENTER_EXT_ARG, 1);
    }
    if (result < 0) this.checkEnter();
  }

  /** Whether the kernel has taken everything queued. */
  get isSubmitted(): boolean {
    return this.sqTail === this.rings[this.sqHeadAt]!;
  }

  /** Whether completions found no place in the queue: drain it, and the next `enter` brings them. */
  hasOverflow(): boolean {
    return (this.rings[this.sqFlagsAt]! & abi.SQ_FLAG_CQ_OVERFLOW) !== 0;
  }

  private setWait(timeoutMs: number): void {
    this.waitMs = timeoutMs;
    const bounded = Math.min(timeoutMs, 0x7fffffff);
    const { words } = this.argument;
    // Both numbers stay below 2^31: their upper halves are zero for ever.
    words[TIMESPEC_OFFSET >> 2] = Math.floor(bounded / 1000);
    words[(TIMESPEC_OFFSET >> 2) + 2] = Math.floor((bounded % 1000) * 1e6);
  }

  /** Time over, a signal, or a kernel short of memory: the next turn tries again. */
  private checkEnter(): void {
    const code = errno();
    if (code === ETIME || code === EINTR || code === EAGAIN || code === EBUSY || code === 0) return;
    throw systemError(code, 'io_uring_enter');
  }

  /** Whether the kernel knows all of `operations`. */
  supports(operations: readonly number[]): boolean {
    const OPERATIONS = 64;
    const probe = createRegion(16 + OPERATIONS * 8);
    if (this.register(abi.REGISTER_PROBE, probe.address, OPERATIONS) < 0) return false;
    return operations.every((operation) => {
      const flags = probe.view.getUint16(16 + operation * 8 + 2, true);
      return (flags & 1) !== 0;
    });
  }

  /** Ends everything under way and gives the mappings back; a later `enter` throws. */
  close(): void {
    const [rings, sqes] = [this.rings, this.sqes];
    // A view of memory that is gone must not stay in anybody's reach.
    this.rings = new Int32Array(0);
    this.sqes = new Int32Array(0);
    this.enterDescriptor = -1;
    this.enterFlags = 0;
    this.native.close(this.descriptor);
    this.native.munmap(this.ringsAddress, rings.byteLength);
    this.native.munmap(this.sqesAddress, sqes.byteLength);
  }
}
