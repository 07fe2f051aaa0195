/**
 * Small text files that say of themselves whether they are whole: lines of JSON, so that people can
 * read them, and a last line with the checksum of all before it.
 *
 *   { ... }
 *   checksum 0badcafe
 */
import { checksumOf } from './file-checksum.js';

const SEAL = /checksum ([0-9a-f]{8})\n$/;
const SEAL_BYTES = 'checksum 00000000\n'.length;

/** One line for each field. */
export function sealText(value: object): Uint8Array {
  const lines = Object.entries(value).map(([name, field]) => `"${name}": ${JSON.stringify(field)}`);
  const body = Buffer.from(`{\n${lines.join(',\n')}\n}\n`, 'utf8');
  const sum = checksumOf(body).toString(16).padStart(8, '0');
  return Buffer.concat([body, Buffer.from(`checksum ${sum}\n`)]);
}

/** @returns what was sealed, or why the bytes are not a sealed text */
export function openSealed(bytes: Uint8Array): { readonly value: unknown } | string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const found = SEAL.exec(text.toString('latin1', Math.max(0, text.length - SEAL_BYTES)));
  if (found === null) return 'its last line is no checksum: it is cut off, or no file of Darter';
  const body = text.subarray(0, text.length - SEAL_BYTES);
  if (checksumOf(body) !== Number.parseInt(found[1]!, 16)) return 'its checksum is wrong';
  try {
    return { value: JSON.parse(body.toString('utf8')) };
  } catch {
    return 'it is no JSON';
  }
}
