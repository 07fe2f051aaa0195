/**
 * The loop of the checksum (crc64.ts) as WebAssembly, which has words of 64 bits: one look-up for each byte
 * instead of two. Its memory has the tables, and a place that bytes are copied to.
 *
 *     0         8 tables of 256 checksums
 *     PLACE     bytes
 */

const TABLE_BYTES = 8 * 256 * 8;
/** Where bytes go: a piece, and up to 7 bytes before it. */
const PLACE = TABLE_BYTES;
export const PIECE_BYTES = 16 * 1024;
/** Of 64 KiB. */
const PAGES = 1;

const I32 = 0x7f;
const I64 = 0x7e;
const LOCAL_GET = 0x20;
const LOCAL_SET = 0x21;
const I32_CONST = 0x41;
const I64_CONST = 0x42;
const END = 0x0b;

/** LEB128, as all numbers of a module are; constants have a sign. */
function unsigned(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)];
}

function signed(value: number): number[] {
  const isLast = value >= -64 && value < 64;
  return isLast ? [value & 127] : [(value & 127) | 128, ...signed(value >> 7)];
}

function counted(bytes: number[]): number[] {
  return [...unsigned(bytes.length), ...bytes];
}

function section(id: number, ...items: number[][]): number[] {
  return [id, ...counted([...unsigned(items.length), ...items.flat()])];
}

function named(text: string): number[] {
  return counted([...Buffer.from(text)]);
}

/** What byte `k` of the register (local 2) becomes with 7 - k zero bytes behind it: from table 7 - k. */
function lookUp(k: number): number[] {
  const shift = k * 8 - 3;
  const direction = shift < 0 ? 0x86 : 0x88; // i64.shl, i64.shr_u
  return [
    ...[LOCAL_GET, 2, I64_CONST, ...signed(Math.abs(shift)), direction],
    ...[0xa7, I32_CONST, ...signed(0x7f8), 0x71], // i32.wrap_i64, i32.and
    ...[0x29, 3, ...unsigned((7 - k) * 2048)], // i64.load
  ];
}

/** (0 from, 1 end, 2 register) => register: eight bytes a step. */
function body(): number[] {
  const xor = 0x85;
  return [
    ...[0, 0x03, 0x40], // no more locals; loop
    ...[LOCAL_GET, 2, LOCAL_GET, 0, 0x29, 0, 0, xor, LOCAL_SET, 2],
    ...lookUp(0),
    ...[1, 2, 3, 4, 5, 6, 7].flatMap((k) => [...lookUp(k), xor]),
    ...[LOCAL_SET, 2],
    ...[LOCAL_GET, 0, I32_CONST, 8, 0x6a, 0x22, 0], // i32.add, local.tee
    ...[LOCAL_GET, 1, 0x49, 0x0d, 0, END], // i32.lt_u, br_if to the loop
    ...[LOCAL_GET, 2, END],
  ];
}

const MODULE = [
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
  ...section(1, [0x60, 3, I32, I32, I64, 1, I64]),
  ...section(3, [0]),
  ...section(5, [0x00, PAGES]),
  ...section(7, [...named('space'), 0x02, 0], [...named('update'), 0x00, 0]),
  ...section(10, counted(body())),
];

/** Node.js has it; the types of the language do not. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

interface Exports {
  readonly space: { readonly buffer: ArrayBuffer };
  readonly update: (from: number, end: number, register: bigint) => bigint;
}

export class CrcLoop {
  low = 0;
  high = 0;
  private readonly bytes: Uint8Array;
  private readonly run: Exports['update'];

  /** @param tables checksums of one byte with k zero bytes behind it, by halves */
  constructor(low: Int32Array, high: Int32Array) {
    const module = new WebAssembly.Module(Uint8Array.from(MODULE));
    const { space, update } = new WebAssembly.Instance(module).exports as Exports;
    this.run = update;
    this.bytes = new Uint8Array(space.buffer);
    const words = new Int32Array(space.buffer, 0, TABLE_BYTES / 4);
    for (let i = 0; i < low.length; i++) {
      words[2 * i] = low[i]!;
      words[2 * i + 1] = high[i]!;
    }
  }

  /** Takes PIECE_BYTES into the register `low` and `high`. */
  update(piece: Uint8Array): void {
    // Bytes that are aligned alike are copied by words.
    const place = PLACE + (piece.byteOffset & 7);
    this.bytes.set(piece, place);
    const register = (BigInt(this.high) << 32n) | BigInt(this.low >>> 0);
    const sum = this.run(place, place + PIECE_BYTES, register);
    this.low = Number(BigInt.asIntN(32, sum));
    this.high = Number(BigInt.asIntN(32, sum >> 32n));
  }
}
