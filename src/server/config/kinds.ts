/**
 * Kinds of directive values. A value is kept as the one text that CONFIG GET shows for it; a kind
 * turns the words of a configuration line into that text, or says in Redis's words what is wrong.
 * Numbers are read as BigInt, because Redis's ranges reach to 2^64.
 *
 * The kinds with rules of their own (save, bind ...) are in special-kinds.ts.
 */
import { quoteWord } from './words.js';

/** Why a value is not accepted. */
export class Refusal {
  constructor(readonly message: string) {}
}

export interface Kind {
  readonly name: 'flag' | 'integer' | 'memory' | 'text' | 'enum' | 'words';
  /** Takes any number of words; CONFIG SET splits its value at blanks. */
  readonly takesWords: boolean;
  /**
   * What the words change: everything, only parts of the value (a class of clients), or what earlier
   * lines of the same configuration said.
   */
  readonly adds: 'no' | 'to the value' | 'to earlier lines';
  /** @param value what the words add to, '' when to nothing */
  parse(words: readonly string[], value: string): string | Refusal;
  /** The arguments of the lines that CONFIG REWRITE writes; those not needed are the initial ones. */
  lines(value: string, initial: string): readonly RewrittenLine[];
}

export interface RewrittenLine {
  readonly arguments: string;
  /** False: only written where the file already has a line of this directive. */
  readonly needed: boolean;
}

const INT64_MAX = 2n ** 63n - 1n;
const UINT64_MAX = 2n ** 64n - 1n;
export const INT_MIN = -(2n ** 31n);
export const INT_MAX = 2n ** 31n - 1n;
export const UINT_MAX = 2n ** 32n - 1n;
export const LONG_MAX = INT64_MAX;
export const UNSIGNED_LONG_MAX = UINT64_MAX;

export function oneLine(value: string, initial: string): readonly RewrittenLine[] {
  return [{ arguments: value, needed: value !== initial }];
}

/** A kind of one word that is written as it is shown. */
function single(name: Kind['name'], parse: (word: string) => string | Refusal): Kind {
  return {
    name,
    takesWords: false,
    adds: 'no',
    parse: (words) => parse(words[0] ?? ''),
    lines: oneLine,
  };
}

export const flag: Kind = single('flag', (word) => {
  const lower = word.toLowerCase();
  return lower === 'yes' || lower === 'no' ? lower : new Refusal("argument must be 'yes' or 'no'");
});

/** An integer as Redis writes one: no sign but a minus, no leading zeros, within 64 bits. */
export function parseInteger(word: string): bigint | null {
  if (!/^(?:0|-?[1-9][0-9]{0,18})$/.test(word)) return null;
  const value = BigInt(word);
  return value > INT64_MAX || value < -INT64_MAX - 1n ? null : value;
}

function inRange(value: bigint, least: bigint, most: bigint): string | Refusal {
  if (value >= least && value <= most) return value.toString();
  return new Refusal(`argument must be between ${least} and ${most} inclusive`);
}

export function integer(least: number | bigint, most: number | bigint): Kind {
  return single('integer', (word) => {
    const value = parseInteger(word);
    if (value === null) return new Refusal("argument couldn't be parsed into an integer");
    return inRange(value, BigInt(least), BigInt(most));
  });
}

/** As `integer`, but silently kept within limits that are narrower than the accepted range. */
export function clampedInteger(least: bigint, most: bigint, low: bigint, high: bigint): Kind {
  const kind = integer(least, most);
  return {
    ...kind,
    parse(words, value) {
      const text = kind.parse(words, value);
      if (text instanceof Refusal) return text;
      const number = BigInt(text);
      return (number < low ? low : number > high ? high : number).toString();
    },
  };
}

const UNITS: Readonly<Record<string, bigint>> = {
  '': 1n,
  b: 1n,
  k: 1000n,
  kb: 1024n,
  m: 1000n ** 2n,
  mb: 1024n ** 2n,
  g: 1000n ** 3n,
  gb: 1024n ** 3n,
};

/** `1gb`, `100k`, `512`: digits and a unit; too many digits are the largest number, as in C. */
export function parseMemory(word: string): bigint | null {
  const match = /^([0-9]*)([^0-9].*)?$/s.exec(word);
  const unit = UNITS[(match?.[2] ?? '').toLowerCase()];
  if (match === null || unit === undefined || (match[1] as string).length >= 128) return null;
  const digits = BigInt(match[1] || '0');
  return BigInt.asUintN(64, (digits > UINT64_MAX ? UINT64_MAX : digits) * unit);
}

const MEMORY_UNITS: readonly (readonly [bigint, string])[] = [
  [1024n ** 3n, 'gb'],
  [1024n ** 2n, 'mb'],
  [1024n, 'kb'],
];

/** The shortest exact form, for configuration files: 104857600 is `100mb`. */
export function formatMemory(bytes: bigint): string {
  for (const [size, unit] of MEMORY_UNITS) {
    if (bytes !== 0n && bytes % size === 0n) return `${bytes / size}${unit}`;
  }
  return bytes.toString();
}

export function memory(least: number | bigint, most: number | bigint): Kind {
  return {
    ...single('memory', (word) => {
      const value = parseMemory(word);
      if (value === null) return new Refusal('argument must be a memory value');
      return inRange(value, BigInt(least), BigInt(most));
    }),
    lines: (value, initial) => oneLine(formatMemory(BigInt(value)), formatMemory(BigInt(initial))),
  };
}

/** A number of bytes, or a share of maxmemory such as `5%`. */
export const memoryOrPercent: Kind = {
  ...single('memory', (word) => {
    const percent = /^([0-9]{1,18})%$/.exec(word);
    if (percent !== null) {
      const share = BigInt(percent[1]!);
      if (share <= 100n) return `${share}%`;
      return new Refusal('percentage argument must be less or equal to 100');
    }
    const value = parseMemory(word);
    if (value === null) return new Refusal('argument must be a memory or percent value');
    return value.toString();
  }),
  lines(value, initial) {
    return oneLine(value.endsWith('%') ? value : formatMemory(BigInt(value)), initial);
  },
};

/** File modes are written and shown in octal. */
export function octal(most: number): Kind {
  return single('text', (word) => {
    if (!/^[0-7]{1,10}$/.test(word)) {
      return new Refusal("argument couldn't be parsed as an octal number");
    }
    const value = Number.parseInt(word, 8);
    if (value <= most) return value.toString(8);
    return new Refusal(`argument must be between 0 and ${most.toString(8)} inclusive`);
  });
}

/** @param check says what is wrong with a text */
export function text(check: (value: string) => string | null = () => null): Kind {
  return {
    ...single('text', (word) => {
      const wrong = check(word);
      return wrong === null ? word : new Refusal(wrong);
    }),
    // An empty text is the absence of one: its line goes.
    lines: (value, initial) =>
      value === '' && initial === '' ? [] : oneLine(quoteWord(value), quoteWord(initial)),
  };
}

export function notPath(directive: string, noun: string): Kind {
  const wrong = `${directive} can't be a path, just a ${noun}`;
  return text((value) => (value.includes('/') || value.includes('\\') ? wrong : null));
}

const HOST_NAME_MAX = 256;

export const hostName: Kind = text((value) => {
  if (value.length >= HOST_NAME_MAX) {
    return `Hostnames must be less than ${HOST_NAME_MAX} characters`;
  }
  if (/^[A-Za-z0-9.-]*$/.test(value)) return null;
  return 'Hostnames may only contain alphanumeric characters, hyphens or dots';
});

function oneOf(names: readonly string[]): Refusal {
  return new Refusal(`argument(s) must be one of the following: ${names.join(', ')}`);
}

export function oneNameOf(...names: readonly string[]): Kind {
  return single('enum', (word) => {
    const lower = word.toLowerCase();
    return names.includes(lower) ? lower : oneOf(names);
  });
}

/** Any of the names at once; the first stands for none of them. */
export function namesOf(...names: readonly string[]): Kind {
  return {
    name: 'words',
    takesWords: true,
    adds: 'no',
    parse(words) {
      const lower = words.map((word) => word.toLowerCase());
      if (lower.length === 0 || lower.some((word) => !names.includes(word))) return oneOf(names);
      const chosen = names.slice(1).filter((name) => lower.includes(name));
      if (chosen.includes('save') && chosen.includes('nosave')) {
        return new Refusal("shutdown options SAVE and NOSAVE can't be used simultaneously");
      }
      return chosen.join(' ') || (names[0] as string);
    },
    lines: oneLine,
  };
}
