/**
 * The payload of FUNCTION DUMP and FUNCTION RESTORE: libraries as in a file, with version and checksum
 * behind them as in DUMP.
 *
 *     245 | code of a library as a string | 245 | ... | version: u16 | crc64: u64     (little-endian)
 */
import { type Region, toBinary } from '../../base/region.js';
import { Crc64 } from './crc64.js';
import { DUMP_FOOTER_BYTES } from './dump.js';
import { RdbError } from './error.js';
import {
  OPCODE_FUNCTION_2,
  OPCODE_FUNCTION_PRE_RELEASE,
  REDIS_VERSION_MAX,
  VALKEY_VERSION,
} from './format.js';
import { RdbInput, RdbString, STRING_BYTES_MAX } from './input.js';
import { RdbOutput } from './output.js';

/** As Redis 7.0 writes it. */
const VERSION = 10;
const NO_WINDOW_BYTES = 8;
const WRONG_FOOTER = 'ERR DUMP payload version or checksum are wrong';
const WRONG_TYPE = 'ERR given type is not a function';
const PRE_RELEASE = 'ERR Pre-GA function format not supported';
const BAD_DATA = 'ERR failed loading functions library from the payload';

/** @returns the payload, one char per byte */
export function dumpFunctions(codes: readonly string[]): string {
  const parts: string[] = [];
  const output = new RdbOutput((region, offset, length) => {
    parts.push(toBinary(region, offset, length));
  });
  for (const code of codes) {
    output.byte(OPCODE_FUNCTION_2);
    output.text(code);
  }
  output.byte(VERSION & 255);
  output.byte(VERSION >>> 8);
  output.footer();
  return parts.join('');
}

/** @returns the codes of the libraries, or the text of an error */
export function readFunctionDump(
  region: Region,
  offset: number,
  length: number,
): readonly string[] | string {
  if (!hasFooter(region, offset, length)) return WRONG_FOOTER;
  try {
    return readCodes(region, offset, length - DUMP_FOOTER_BYTES);
  } catch (error) {
    if (error instanceof RdbError) return BAD_DATA;
    throw error;
  }
}

function hasFooter(region: Region, offset: number, length: number): boolean {
  if (length < DUMP_FOOTER_BYTES) return false;
  const footer = offset + length - DUMP_FOOTER_BYTES;
  const version = region.view.getUint16(footer, true);
  if (version > REDIS_VERSION_MAX && version !== VALKEY_VERSION) return false;
  const checksum = new Crc64();
  checksum.reset();
  checksum.update(region, offset, length - 8);
  return checksum.matches(region, footer + 2);
}

function readCodes(region: Region, offset: number, length: number): readonly string[] | string {
  const input = new RdbInput(STRING_BYTES_MAX, NO_WINDOW_BYTES);
  input.withChecksum = false;
  input.attach(region, offset, length);
  const codes: string[] = [];
  const code = new RdbString();
  while (input.unread > 0) {
    const opcode = region.bytes[input.position++]!;
    if (opcode === OPCODE_FUNCTION_PRE_RELEASE) return PRE_RELEASE;
    if (opcode !== OPCODE_FUNCTION_2) return WRONG_TYPE;
    if (!input.readString(code)) return BAD_DATA;
    codes.push(toBinary(code.region, code.offset, code.length));
  }
  return codes;
}
