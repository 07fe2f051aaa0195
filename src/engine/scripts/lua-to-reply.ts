/**
 * What a script returns as a reply, as Redis converts it: a table is an array up to its first nil,
 * unless a field tells another type (reply-to-lua.ts). In the order in which they are looked for:
 *
 *   err (string), ok (string), double (number), map, set (tables), big_number (string),
 *   verbatim_string (a table with format and string)
 *
 * The caller writes for the client; `resp` is the version that the script has set for itself.
 */
import { INT64_MIN } from '../../protocol/numbers.js';
import type { Reply } from '../../protocol/reply.js';
import { cText } from '../../scripting/library/base.js';
import { isErrorCounted } from '../../scripting/library/error-handler.js';
import { nonFiniteText } from '../../scripting/runtime/number-text.js';
import { LuaTable } from '../../scripting/runtime/table.js';
import type { LuaValue } from '../../scripting/runtime/values.js';
import { writeTextAt } from './region-text.js';

/** Redis stops where Lua's stack of C values ends: so many slots with the first value in slot 1. */
const SLOTS_MAX = 7996;
const FIRST_SLOT = 1;
/** Slots that a level of a map or a set takes. */
const PAIR_SLOTS = 3;
const KEY_SLOTS = 4;
const STACK_LIMIT = 'ERR reached lua stack limit';

export class LuaToReply {
  private resp = 2;

  /** @param errorWritten told of each error: whether it was counted before, and whether it is within the reply */
  constructor(
    private reply: Reply,
    private readonly errorWritten: (isCounted: boolean, isInner: boolean) => void,
  ) {}

  /** @param resp the version that the script has chosen */
  write(value: LuaValue, reply: Reply, resp: number): void {
    this.reply = reply;
    this.resp = resp;
    this.value(value, FIRST_SLOT);
  }

  private value(value: LuaValue, slot: number): void {
    const { reply } = this;
    if (slot >= SLOTS_MAX) {
      this.error(STACK_LIMIT, slot, undefined);
      return;
    }
    switch (typeof value) {
      case 'string':
        this.bulk(value);
        break;
      case 'number':
        this.number(value);
        break;
      case 'boolean':
        this.boolean(value);
        break;
      default:
        if (value instanceof LuaTable) this.table(value, slot);
        else reply.nullBulk();
    }
  }

  private bulk(value: string): void {
    const { reply } = this;
    reply.beginBulk(value.length);
    writeTextAt(reply.region, reply.position, value);
    reply.position += value.length;
    reply.endBulk();
  }

  /** As C makes an integer of a double: towards zero, and the least one for what has no place. */
  private number(value: number): void {
    const integer = Math.trunc(value);
    if (Number.isSafeInteger(integer)) {
      this.reply.integer(integer === 0 ? 0 : integer);
      return;
    }
    const fits = integer >= -(2 ** 63) && integer < 2 ** 63;
    this.reply.bigInteger(fits ? BigInt(integer) : INT64_MIN);
  }

  private boolean(value: boolean): void {
    const { reply } = this;
    if (this.resp === 3) reply.boolean(value);
    else if (value) reply.integer(1);
    else reply.nullBulk();
  }

  private table(table: LuaTable, slot: number): void {
    const { reply } = this;
    if (!table.hasNodes) {
      this.array(table, slot);
      return;
    }
    const err = table.getString('err');
    if (typeof err === 'string') {
      this.error(cText(err), slot, table);
      return;
    }
    const ok = table.getString('ok');
    if (typeof ok === 'string') {
      reply.simple(cText(ok));
      return;
    }
    const double = table.getString('double');
    if (Number.isNaN(double)) reply.doubleText(nonFiniteText(Number.NaN));
    else if (typeof double === 'number') reply.double(double);
    else if (!this.typed(table, slot)) this.array(table, slot);
  }

  private error(text: string, slot: number, table: LuaTable | undefined): void {
    // First, as a metamethod of the script may run.
    const isCounted = table !== undefined && isErrorCounted(table);
    this.reply.errorText(text);
    this.errorWritten(isCounted, slot > FIRST_SLOT);
  }

  /** The types that Lua tells by a table or a text. @returns false when it is none of them */
  private typed(table: LuaTable, slot: number): boolean {
    const map = table.getString('map');
    if (map instanceof LuaTable) {
      this.map(map, slot);
      return true;
    }
    const set = table.getString('set');
    if (set instanceof LuaTable) {
      this.set(set, slot);
      return true;
    }
    const big = table.getString('big_number');
    if (typeof big === 'string') {
      this.reply.bigNumberText(big);
      return true;
    }
    const verbatim = table.getString('verbatim_string');
    return verbatim instanceof LuaTable && this.verbatim(verbatim);
  }

  private verbatim(table: LuaTable): boolean {
    const format = table.getString('format');
    const text = table.getString('string');
    if (typeof format !== 'string' || typeof text !== 'string') return false;
    this.reply.verbatimBinary(format, text);
    return true;
  }

  private array(table: LuaTable, slot: number): void {
    let count = 0;
    while (table.getNumber(count + 1) !== undefined) count++;
    this.reply.array(count);
    for (let i = 1; i <= count; i++) this.value(table.getNumber(i), slot + 1);
  }

  private map(table: LuaTable, slot: number): void {
    this.reply.map(entryCount(table));
    for (let at = table.nextPosition(0); at > 0; at = table.nextPosition(at)) {
      this.value(table.keyAt(at), slot + KEY_SLOTS);
      this.value(table.valueAt(at), slot + PAIR_SLOTS);
    }
  }

  private set(table: LuaTable, slot: number): void {
    this.reply.set(entryCount(table));
    for (let at = table.nextPosition(0); at > 0; at = table.nextPosition(at)) {
      this.value(table.keyAt(at), slot + PAIR_SLOTS);
    }
  }
}

function entryCount(table: LuaTable): number {
  let count = 0;
  for (let at = table.nextPosition(0); at > 0; at = table.nextPosition(at)) count++;
  return count;
}
