/**
 * Buffers where the library's types want a Uint8Array: TypeScript 7 and @types/node 20 disagree
 * about `slice().buffer`, nothing more.
 */
export function bytesOf(buffer: Buffer): Uint8Array {
  return buffer as unknown as Uint8Array;
}

export function concatenate(parts: readonly Buffer[]): Buffer {
  return Buffer.concat(parts as unknown as Uint8Array[]);
}
