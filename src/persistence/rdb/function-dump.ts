/**
 * The payload of FUNCTION DUMP and FUNCTION RESTORE: libraries as in a file, with version and checksum
 * behind them as in DUMP.
 *
 *     245 | code of a library as a string | 245 | ... | version: u16 | crc64: u64     (little-endian)
 *
 * Release candidates of Redis 7.0 wrote the first line of the code apart, which Redis still reads:
 *
 *     246 | name | engine | 0, or 1 and the description | code without its first line
 */
import { type Region, toBinary } from '../../base/region.js';
import { untilNul } from '../../protocol/errors.js';
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

/** The codes of the libraries, up to what could not be read. */
export interface FunctionDump {
  readonly codes: readonly string[];
  /** The text of the error, or null. Of libraries before it errors come first. */
  readonly error: string | null;
}

export function readFunctionDump(region: Region, offset: number, length: number): FunctionDump {
  if (!hasFooter(region, offset, length)) return { codes: [], error: WRONG_FOOTER };
  const input = new RdbInput(STRING_BYTES_MAX, NO_WINDOW_BYTES);
  input.withChecksum = false;
  // With what is behind the libraries: a string that claims too much reads on into it, as in Redis.
  input.attach(region, offset, length);
  const codes: string[] = [];
  try {
    while (input.unread > DUMP_FOOTER_BYTES) codes.push(readCode(input));
    return { codes, error: null };
  } catch (error) {
    if (error instanceof DumpError) return { codes, error: error.message };
    throw error;
  }
}

class DumpError extends Error {}

function readCode(input: RdbInput): string {
  const opcode = input.window.bytes[input.position++]!;
  if (opcode === OPCODE_FUNCTION_2) return readText(input, 'library payload');
  if (opcode !== OPCODE_FUNCTION_PRE_RELEASE) throw new DumpError(WRONG_TYPE);
  const name = readText(input, 'library name');
  const engine = readText(input, 'engine name');
  if (hasDescription(input)) readText(input, 'library description');
  // Redis joins them as strings of C.
  return `#!${untilNul(engine)} name=${untilNul(name)}\n${untilNul(readText(input, 'library blob'))}`;
}

const text = new RdbString();

function readText(input: RdbInput, what: string): string {
  if (!isRead(() => input.readString(text))) throw new DumpError(`ERR Failed loading ${what}`);
  return toBinary(text.region, text.offset, text.length);
}

function hasDescription(input: RdbInput): boolean {
  if (isRead(() => input.readLength()))
    return (input.encoding < 0 ? input.length : input.encoding) > 0;
  throw new DumpError('ERR Failed loading library description indicator');
}

function isRead(read: () => boolean): boolean {
  try {
    return read();
  } catch (error) {
    if (error instanceof RdbError) return false;
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
