/**
 * Reads the value of one key, whatever its type: chooses the decoder and runs it. A file and a DUMP
 * payload hold the same values.
 */
import { FINISHED, INCOMPLETE, type Value, type ValueDecoder } from './decoder.js';
import {
  OPCODE_MODULE_AUXILIARY,
  TYPE_LIST_QUICKLIST,
  TYPE_LIST_QUICKLIST_2,
  TYPE_MODULE_2,
  TYPE_MODULE_PRE_RELEASE,
  TYPE_STRING,
  VALKEY_VERSION,
} from './format.js';
import { ModuleDecoder } from './modules.js';
import { isPackedType, PackDecoder, QuicklistDecoder } from './packs.js';
import { isStreamType, StreamDecoder } from './streams.js';
import { isTableType, TableDecoder } from './tables.js';
import { KIND_STRING } from './visitor.js';

class StringDecoder implements ValueDecoder {
  constructor(private readonly value: Value) {}

  begin(): void {
    this.value.start(KIND_STRING);
  }

  step(): number {
    const { input, string, visitor, key } = this.value;
    if (!input.readString(string)) return INCOMPLETE;
    visitor.string(key, string.region, string.offset, string.length);
    return FINISHED;
  }
}

export class ValueReader {
  /** Whether a value is begun and not finished. */
  active = false;
  private decoder: ValueDecoder;
  private readonly strings: StringDecoder;
  private readonly tables: TableDecoder;
  private readonly packs: PackDecoder;
  private readonly quicklists: QuicklistDecoder;
  private readonly streams: StreamDecoder;
  private readonly modules: ModuleDecoder;

  constructor(private readonly value: Value) {
    this.strings = new StringDecoder(value);
    this.tables = new TableDecoder(value);
    this.packs = new PackDecoder(value);
    this.quicklists = new QuicklistDecoder(value);
    this.streams = new StreamDecoder(value);
    this.modules = new ModuleDecoder(value);
    this.decoder = this.strings;
  }

  /** @throws RdbError when there is no such type in this version */
  begin(type: number): void {
    this.value.batch.clear();
    this.decoder = this.choose(type);
    this.decoder.begin(type);
    this.active = true;
  }

  /** @returns whether there was progress: false means that more bytes are needed */
  step(): boolean {
    const state = this.decoder.step();
    if (state === FINISHED) this.active = false;
    return state !== INCOMPLETE;
  }

  private choose(type: number): ValueDecoder {
    const isValkey = this.value.version >= VALKEY_VERSION;
    if (type === TYPE_STRING) return this.strings;
    if (type === TYPE_MODULE_PRE_RELEASE) {
      this.value.fail("Can't load a module value of a Redis before 4.0.0");
    }
    if (type === TYPE_MODULE_2 || type === OPCODE_MODULE_AUXILIARY) return this.modules;
    if (type === TYPE_LIST_QUICKLIST || type === TYPE_LIST_QUICKLIST_2) return this.quicklists;
    if (isStreamType(type)) return this.streams;
    // Valkey's numbers above 22 mean something else than Redis's, or nothing.
    if (isValkey && type > VALKEY_TYPE_MAX) return this.unknown(type);
    if (isTableType(type)) return this.tables;
    if (isPackedType(type)) return this.packs;
    return this.unknown(type);
  }

  private unknown(type: number): never {
    return this.value.fail(`Unknown type of a value, ${type}`);
  }
}

/** HASH_2 */
const VALKEY_TYPE_MAX = 22;
