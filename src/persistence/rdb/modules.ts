/**
 * Values and settings of modules. Nobody here can use them, but from version 8 on their parts say
 * what they are, so that they can be skipped without the module.
 *
 *     value       module id | part ... | 0
 *     setting     module id | 2 | when | part ... | 0
 *     part        1 or 2: length; 3: float (4); 4: double (8); 5: string
 *
 * A module id is nine characters of six bits and a version of ten bits.
 */
import { FINISHED, GO_ON, INCOMPLETE, type Value, type ValueDecoder } from './decoder.js';
import {
  MODULE_DOUBLE,
  MODULE_END,
  MODULE_FLOAT,
  MODULE_SIGNED,
  MODULE_STRING,
  MODULE_UNSIGNED,
  TYPE_MODULE_2,
} from './format.js';
import { KIND_MODULE } from './visitor.js';

const NAME_CHARACTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const NAME_LENGTH = 9;
const VERSION_BITS = 10n;

export function moduleName(id: bigint): string {
  let rest = id >> VERSION_BITS;
  let name = '';
  for (let i = 0; i < NAME_LENGTH; i++) {
    name = NAME_CHARACTERS[Number(rest & 63n)] + name;
    rest >>= 6n;
  }
  return name;
}

const ID = 0;
const WHEN = 1;
const PARTS = 2;

export class ModuleDecoder implements ValueDecoder {
  private type = TYPE_MODULE_2;
  private next = ID;

  constructor(private readonly value: Value) {}

  /** @param type TYPE_MODULE_2, or the opcode of a setting */
  begin(type: number): void {
    this.type = type;
    this.next = ID;
    if (type === TYPE_MODULE_2) this.value.start(KIND_MODULE);
  }

  step(): number {
    if (this.next === ID) return this.readId();
    if (this.next === WHEN) return this.readWhen();
    return this.readPart();
  }

  private readId(): number {
    const { input, options, visitor } = this.value;
    if (!input.readCount()) return INCOMPLETE;
    const name = moduleName(input.exact);
    if (!options.skipModules) {
      const what = this.type === TYPE_MODULE_2 ? 'a value' : 'a setting';
      this.value.fail(`Can't load ${what} of module type '${name}'`);
    }
    visitor.skippedModule(name);
    this.next = this.type === TYPE_MODULE_2 ? PARTS : WHEN;
    return GO_ON;
  }

  private readWhen(): number {
    const { input } = this.value;
    const start = input.position;
    if (input.readCount()) {
      if (input.length !== MODULE_UNSIGNED) this.value.fail('Module setting is damaged');
      if (input.readCount()) {
        this.next = PARTS;
        return GO_ON;
      }
    }
    input.position = start;
    return INCOMPLETE;
  }

  private readPart(): number {
    const { input } = this.value;
    const start = input.position;
    if (!input.readCount()) return INCOMPLETE;
    const part = input.length;
    if (part === MODULE_END) return FINISHED;
    if (this.skip(part)) return GO_ON;
    input.position = start;
    return INCOMPLETE;
  }

  private skip(part: number): boolean {
    const { input, string } = this.value;
    if (part === MODULE_SIGNED || part === MODULE_UNSIGNED) return input.readCount();
    if (part === MODULE_STRING) return input.readString(string);
    const bytes = part === MODULE_FLOAT ? 4 : part === MODULE_DOUBLE ? 8 : 0;
    if (bytes === 0) this.value.fail(`Module value has an unknown part, ${part}`);
    if (!input.has(bytes)) return false;
    input.position += bytes;
    return true;
  }
}
