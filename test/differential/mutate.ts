/**
 * Breaks commands (drops, doubles, swaps and replaces arguments, changes case), then makes the
 * result safe to compare: no expiry that could happen during a run or depend on the millisecond at
 * which a server read its clock, and no write at an offset that makes both servers allocate much.
 */
import { optionWords, type World } from './world.js';

const commandsWithTime = /^(set|getex|setex|psetex|p?expire(at)?)$/i;
const commandsWithOffset = /^(setbit|setrange|bitfield)$/i;
const absoluteTime = /^(exat|pxat|expireat|pexpireat)$/i;
const timeOption = /^(ex|px|exat|pxat)$/i;
/** The year 2100; as seconds still less than 2^53 milliseconds. */
const future_ms = 4_102_444_800_000;
/**
 * One argument away from ending or stopping every client, or from listing all there is; and
 * commands that could put two members at one place, whose order by distance is any.
 */
const neverMutated = /^(client (kill|pause|reply|unblock)$|config |command |sort(_ro)? |geoadd )/i;

/** Sorted sets whose scores are not any: see sorted-set-commands.ts and geo-commands.ts. */
const oneScore = /^zlex:|^geo:(?:\{t\}far|out)|^storedist$/i;
const withScore = /^z(rev)?rank$/i;
const scoreWrites = /^(zadd|zincrby|copy|rename|.*store|georadius.*|zrange)$/i;

export function mutate(world: World, args: readonly string[]): string[] {
  if (neverMutated.test(args.slice(0, 2).join(' ')) || args[0]?.startsWith('@')) return [...args];
  if (scoreWrites.test(args[0]!) && args.some((each) => oneScore.test(each))) return [...args];
  const result = [...args];
  for (let times = world.chance(0.75) ? 1 : 2; times > 0; times--) mutateOnce(world, result);
  // WITHSCORE came with Redis 7.2: one argument more is no mistake of number.
  if (withScore.test(result[0]!)) result.length = Math.min(result.length, 3);
  return makeSafe(world, result);
}

function mutateOnce(world: World, args: string[]): void {
  const random = world.random;
  const place = random.between(Math.min(1, args.length - 1), args.length - 1);
  const other = random.between(Math.min(1, args.length - 1), args.length - 1);
  switch (random.below(8)) {
    case 0:
      if (args.length > 1) args.splice(place, 1);
      break;
    case 1:
      args.splice(place, 0, args[other] as string);
      break;
    case 2: {
      const kept = args[place] as string;
      args[place] = args[other] as string;
      args[other] = kept;
      break;
    }
    case 3:
      args.push(world.any());
      break;
    case 4:
      if (place > 0) args[place] = world.any();
      break;
    case 5:
      args.splice(place + 1, 0, random.pick(optionWords));
      break;
    case 6:
      args.length = random.between(1, args.length);
      break;
    default:
      for (let i = 0; i < args.length; i++) args[i] = randomCase(world, args[i] as string);
  }
}

export function randomCase(world: World, text: string): string {
  if (text.length > 20) return text;
  let result = '';
  for (const character of text) {
    result += world.chance(0.5) ? character.toLowerCase() : asciiUpper(character);
  }
  return result;
}

/** toUpperCase would turn one latin1 character (ß) into two. */
function asciiUpper(character: string): string {
  return character >= 'a' && character <= 'z' ? character.toUpperCase() : character;
}

function makeSafe(world: World, args: string[]): string[] {
  const name = args[0] ?? '';
  const timed = commandsWithTime.test(name);
  if (timed && (/expire|setex/i.test(name) || args.some((each) => timeOption.test(each)))) {
    const absolute = args.some((each) => absoluteTime.test(each));
    return args.map((each, i) => (i > 0 ? safeTime(world, each, absolute) : each));
  }
  if (commandsWithOffset.test(name)) return args.map((each) => safeOffset(each));
  if (/^spop$/i.test(name)) return [name, args[1] ?? '', safeCount(args[2]), ...args.slice(3)];
  if (/^(?:srandmember|zrandmember|hrandfield)$/i.test(name)) return args.map(safeRandomCount);
  if (/^x/i.test(name)) return args.map(safeForStreams);
  if (/^lcs$/i.test(name)) return args.map((each, i) => (i > 0 ? safeForLcs(world, each) : each));
  if (args[1]?.startsWith('lcs:')) return args.map((each) => each.slice(0, 300));
  return args;
}

/**
 * Small positive numbers become large and hardly ever equal ones: no expiry soon, no ties, nothing
 * that has expired and may or may not be counted. Times that only Redis takes become errors (see
 * World.badTime).
 */
function safeTime(world: World, text: string, absolute: boolean): string {
  if (!/^\d{1,19}$/.test(text)) return text;
  const value = Number(text);
  if (value > 9e12) return '9223372036854775808';
  if (absolute && value > 0 && value < future_ms) return String(future_ms + value);
  if (value === 0 || value >= 400_000) return text;
  return String((value + 1) * 10_000_000 + world.random.below(10_000_000));
}

/**
 * No id of the clock, nothing that depends on how entries are stored, no idle time that may have come
 * or not: numbers from a millisecond to a day become 0.
 */
function safeForStreams(text: string, index: number, args: readonly string[]): string {
  if (text === '*') return '7-*';
  if (text === '~') return '=';
  // For the highest ones, Redis may lack memory.
  if (/^xautoclaim$/i.test(args[0] ?? '') && index > 5 && /^\d{6,18}$/.test(text)) return '100';
  const isIdle = index === 4 || /^(?:idle|time|block)$/i.test(args[index - 1] ?? '');
  return isIdle && /^[1-9]\d{0,7}$/.test(text) ? '0' : text;
}

/** SPOP takes all members or none: which ones it chooses is no matter of comparing. */
function safeCount(text = ''): string {
  return /^[1-9]\d*$/.test(text) ? '1000000' : text;
}

/** Both servers answer with as many members as a negative count says. */
export function safeRandomCount(text: string): string {
  return /^-\d{4,}$/.test(text) && text !== '-9223372036854775808' ? '-1000' : text;
}

/** Other keys may hold tens of kilobytes, and LCS takes the product of two lengths. */
function safeForLcs(world: World, text: string): string {
  return world.isLongKey(text) ? world.shortKey() : text;
}

function safeOffset(text: string): string {
  // Far below any type's range: see BITFIELD in intended-differences.ts.
  if (/^-\d{19}$/.test(text)) return '-2305843009213693952';
  const digits = /^#?(\d{5,10})$/.exec(text)?.[1];
  if (digits === undefined || Number(digits) < 70_000 || Number(digits) > 4_294_967_296)
    return text;
  return '777';
}
