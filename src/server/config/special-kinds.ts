/** Kinds of values with rules of their own: save points, buffer limits, addresses, and such. */

import { statSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { systemErrorText } from '../../base/system-error.js';
import { eventLetters, eventMask } from '../../keyspace/events.js';
import { untilNul } from '../../protocol/errors.js';
import {
  formatMemory,
  type Kind,
  oneLine,
  oneNameOf,
  parseMemory,
  Refusal,
  type RewrittenLine,
} from './kinds.js';
import { fromBinaryString, quoteWord, toBinaryString } from './words.js';

/** A single empty word means no words at all. */
function withoutLoneBlank(words: readonly string[]): readonly string[] {
  return words.length === 1 && words[0] === '' ? [] : words;
}

/** As strtoll reads it: nothing is 0. */
function isWholeNumber(word: string, least: number): boolean {
  return /^(?:[+-]?[0-9]{1,18})?$/.test(word) && Number(word) >= least;
}

/** `seconds changes` pairs. Several lines of a file add up; an empty one forgets those before it. */
export const savePoints: Kind = {
  name: 'words',
  takesWords: true,
  adds: 'to earlier lines',
  parse(words, value) {
    const given = withoutLoneBlank(words);
    const fits = given.every((word, i) => isWholeNumber(word, i % 2 === 0 ? 1 : 0));
    if (given.length % 2 !== 0 || !fits) return new Refusal('Invalid save parameters');
    if (given.length === 0) return '';
    return [...(value === '' ? [] : [value]), ...given.map((word) => String(Number(word)))].join(
      ' ',
    );
  },
  lines(value, initial) {
    if (value === '') return [{ arguments: '""', needed: initial !== '' }];
    const pairs = value.match(/\S+ \S+/g) ?? [];
    return pairs.map((pair) => ({ arguments: pair, needed: true }));
  },
};

/** The classes in the order of CONFIG GET, which knows replicas by their former name only. */
const CLASSES = ['normal', 'slave', 'pubsub'];

function limitsOf(value: string): Map<string, readonly string[]> {
  const words = value.split(' ');
  return new Map(CLASSES.map((name, i) => [name, words.slice(i * 4 + 1, i * 4 + 4)]));
}

/** `class hard soft seconds` for some classes of clients; the others keep theirs. */
export const outputBufferLimits: Kind = {
  name: 'words',
  takesWords: true,
  adds: 'to the value',
  parse(words, value) {
    if (words.length % 4 !== 0) {
      return new Refusal('Wrong number of arguments in buffer limit configuration.');
    }
    const limits = limitsOf(value);
    for (let i = 0; i < words.length; i += 4) {
      const given = (words[i] as string).toLowerCase();
      const name = given === 'replica' ? 'slave' : given;
      if (!CLASSES.includes(name)) {
        return new Refusal('Invalid client class specified in buffer limit configuration.');
      }
      const hard = parseMemory(words[i + 1] as string);
      const soft = parseMemory(words[i + 2] as string);
      const seconds = words[i + 3] as string;
      if (hard === null || soft === null || !isWholeNumber(seconds, 0)) {
        return new Refusal(
          'Error in hard, soft or soft_seconds setting in buffer limit configuration.',
        );
      }
      limits.set(name, [hard.toString(), soft.toString(), String(Number(seconds))]);
    }
    return [...limits].map(([name, limit]) => [name, ...limit].join(' ')).join(' ');
  },
  lines(value, initial) {
    const initialLimits = limitsOf(initial);
    return [...limitsOf(value)].map(([name, limit]): RewrittenLine => {
      const [hard, soft, seconds] = limit as [string, string, string];
      const shown = name === 'slave' ? 'replica' : name;
      const sizes = [hard, soft].map((bytes) => formatMemory(BigInt(bytes)));
      return {
        arguments: [shown, ...sizes, seconds].join(' '),
        needed: limit.join(' ') !== initialLimits.get(name)?.join(' '),
      };
    });
  },
};

export const ADDRESSES_MAX = 16;

export const addresses: Kind = {
  name: 'words',
  takesWords: true,
  adds: 'no',
  parse(words) {
    if (words.length > ADDRESSES_MAX) return new Refusal('Too many bind addresses specified.');
    return withoutLoneBlank(words).join(' ');
  },
  lines: (value, initial) => [{ arguments: value || '""', needed: value !== initial }],
};

/** `host port`, or nothing when this server is a primary. */
export const primaryAddress: Kind = {
  name: 'words',
  takesWords: true,
  adds: 'no',
  parse(words) {
    if (words.length !== 2) return new Refusal('wrong number of arguments');
    const [host, port] = words as [string, string];
    if (host.toLowerCase() === 'no' && port.toLowerCase() === 'one') return '';
    if (!/^[0-9]{1,5}$/.test(port) || Number(port) > 65535) {
      return new Refusal('Invalid master port');
    }
    return host === '' ? '' : `${host} ${Number(port)}`;
  },
  lines: (value, initial) => (value === '' ? [] : oneLine(value, initial)),
};

/** Percentiles between 0 and 100, six decimals at most. */
export const percentiles: Kind = {
  name: 'words',
  takesWords: true,
  adds: 'no',
  parse(words) {
    const name = 'latency-tracking-info-percentiles';
    const shown: string[] = [];
    for (const word of withoutLoneBlank(words)) {
      const value = Number(word);
      if (word === '' || Number.isNaN(value)) return new Refusal(`Invalid ${name} parameters`);
      if (value < 0 || value > 100) {
        return new Refusal(`${name} parameters should sit between [0.0,100.0]`);
      }
      shown.push(String(Number(value.toFixed(6))));
    }
    return shown.join(' ');
  },
  lines: (value, initial) => [{ arguments: value || '""', needed: value !== initial }],
};

const scoreModes = oneNameOf('no', 'yes', 'relative', 'absolute');

/** `relative` is shown as `yes`, which is the same. */
export const memoryKillerMode: Kind = {
  ...scoreModes,
  parse(words, value) {
    const mode = scoreModes.parse(words, value);
    return mode === 'relative' ? 'yes' : mode;
  },
};

const SCORE_WORDS = 3;
const SCORE_MAX = 2000;

export const memoryKillerScores: Kind = {
  name: 'words',
  takesWords: true,
  adds: 'no',
  parse(words) {
    if (words.length !== SCORE_WORDS) return new Refusal('wrong number of arguments');
    const fits = words.every(
      (word) => /^[+-]?[0-9]{1,9}$/.test(word) && Math.abs(Number(word)) <= SCORE_MAX,
    );
    if (fits) return words.map((word) => String(Number(word))).join(' ');
    return new Refusal(
      `Invalid oom-score-adj-values, elements must be between -${SCORE_MAX} and ${SCORE_MAX}.`,
    );
  },
  lines: oneLine,
};

/** The letters of keyspace events. */
const EVENT_LETTERS = 'Ag$lshzxeKEtmdn';

export const eventClasses: Kind = {
  name: 'text',
  takesWords: false,
  adds: 'no',
  parse(words) {
    const letters = words[0] ?? '';
    const isKnown = [...letters].every((letter) => EVENT_LETTERS.includes(letter));
    if (isKnown) return eventLetters(eventMask(letters));
    return new Refusal(`Invalid event class character. Use '${EVENT_LETTERS}'.`);
  },
  lines: (value, initial) => oneLine(quoteWord(value), quoteWord(initial)),
};

/** What stands in braces, and whether it may be nothing: the title is while a template is judged. */
const TITLE_WORDS: Readonly<Record<string, string>> = {
  ...{ title: '', 'server-mode': '', unixsocket: '' },
  ...{ 'listen-addr': '*', port: '0', 'tls-port': '0', 'config-file': '-' },
};

/** The template with its words filled in, `{{` as a brace; null: a word is unknown or does not end. */
function filledTitle(template: string): string | null {
  const filled = template.replace(/\{(?:\{|([^}]*)\})/g, (whole, name: string | undefined) => {
    if (name === undefined) return '(';
    return Object.hasOwn(TITLE_WORDS, name) ? TITLE_WORDS[name]! : whole;
  });
  return filled.includes('{') ? null : filled;
}

export const titleTemplate: Kind = {
  name: 'text',
  takesWords: false,
  adds: 'no',
  parse(words) {
    const template = words[0] ?? '';
    if (filledTitle(untilNul(template))?.replaceAll(' ', '')) return template;
    return new Refusal('template format is invalid or contains unknown variables');
  },
  lines: (value, initial) => oneLine(quoteWord(value), quoteWord(initial)),
};

/** The working folder: always kept as an absolute path, relative to the one before. */
export const folder: Kind = {
  name: 'text',
  takesWords: false,
  adds: 'to the value',
  parse(words, value) {
    const given = fromBinaryString(words[0] ?? '');
    const path = isAbsolute(given) ? resolve(given) : resolve(fromBinaryString(value), given);
    try {
      if (given !== '' && statSync(path).isDirectory()) return toBinaryString(path);
      return new Refusal(given === '' ? 'No such file or directory' : 'Not a directory');
    } catch (error) {
      return new Refusal(systemErrorText(error));
    }
  },
  lines: (value) => [{ arguments: quoteWord(value), needed: true }],
};
