/**
 * Errors that quote an argument as Redis's do, of any length: the bytes go straight to the reply. They
 * end at NUL, as strings of C do.
 */
import type { Context } from './context.js';

const NUL = 0;
const CR = 13;
const LF = 10;

/** @param before code and first words of the error, with the quotation mark, if there is one */
export function errorQuoting(context: Context, before: string, index: number, after = ''): void {
  const { args, reply } = context;
  const { bytes } = args.region;
  const offset = args.offset[index]!;
  let length = args.length[index]!;
  const end = bytes.subarray(offset, offset + length).indexOf(NUL);
  if (end >= 0) length = end;
  // Line ends at an error's end go, others become spaces.
  if (after === '') while (length > 0 && isLineEnd(bytes[offset + length - 1]!)) length--;
  reply.errorQuoting(before, args.region, offset, length, after);
}

function isLineEnd(byte: number): boolean {
  return byte === CR || byte === LF;
}
