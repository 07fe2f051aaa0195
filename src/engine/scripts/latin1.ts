/**
 * Bytes as a string of one character per byte, and back, by native code. `toString` and `write` of a
 * Buffer come to the same calls after they have looked at the name of the encoding and at the bounds,
 * which takes longer than the call for a string of a few dozen bytes. These take any view of bytes, so
 * that no Buffer need be made of one.
 */

type Slice = (this: Uint8Array, begin: number, end: number) => string;
type Write = (this: Uint8Array, text: string, at: number, length: number) => number;

const natives = Buffer.prototype as unknown as { latin1Slice?: Slice; latin1Write?: Write };

/** Every Node.js has these so far, but its documentation does not promise them. */
const nativeSlice: Slice = natives.latin1Slice ?? sliceAsBuffer;
const nativeWrite: Write = natives.latin1Write ?? writeAsBuffer;

function bufferOf({ buffer, byteOffset, length }: Uint8Array): Buffer<ArrayBufferLike> {
  return Buffer.from(buffer, byteOffset, length);
}

function sliceAsBuffer(this: Uint8Array, begin: number, end: number): string {
  return bufferOf(this).toString('latin1', begin, end);
}

function writeAsBuffer(this: Uint8Array, text: string, at: number): number {
  return bufferOf(this).write(text, at, 'latin1');
}

/** The bytes from `begin` to before `end`, which are within the view. */
export function latin1Slice(bytes: Uint8Array, begin: number, end: number): string {
  return nativeSlice.call(bytes, begin, end);
}

/** Writes all of the text; the view has room for it. */
export function latin1Write(bytes: Uint8Array, text: string, at: number): void {
  nativeWrite.call(bytes, text, at, text.length);
}
