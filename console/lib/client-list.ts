/** CLIENT LIST as rows, and SLOWLOG GET. */
import { listOf, plainText, type Reply } from './reply.js';
import { toText } from './words.js';

export interface ClientRow {
  readonly id: string;
  readonly address: string;
  readonly name: string;
  readonly user: string;
  readonly library: string;
  readonly database: string;
  readonly ageSeconds: number;
  readonly idleSeconds: number;
  readonly command: string;
  readonly memoryBytes: number;
  readonly flags: string;
}

/** @param text one char per byte */
export function parseClients(text: string): ClientRow[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map(clientOf);
}

function clientOf(line: string): ClientRow {
  const fields = new Map<string, string>();
  for (const word of line.split(' ')) {
    const equals = word.indexOf('=');
    if (equals > 0) fields.set(word.slice(0, equals), toText(word.slice(equals + 1)));
  }
  const text = (name: string) => fields.get(name) ?? '';
  return {
    id: text('id'),
    address: text('addr'),
    name: text('name'),
    user: text('user'),
    library: [text('lib-name'), text('lib-ver')].filter((part) => part !== '').join(' '),
    database: text('db'),
    ageSeconds: Number(text('age')) || 0,
    idleSeconds: Number(text('idle')) || 0,
    command: text('cmd').replace('|', ' '),
    memoryBytes: Number(text('tot-mem')) || 0,
    flags: text('flags'),
  };
}

export interface SlowEntry {
  readonly id: string;
  readonly atSeconds: number;
  readonly microseconds: number;
  readonly words: string;
  readonly client: string;
}

export function parseSlowLog(reply: Reply): SlowEntry[] {
  return listOf(reply).map((entry) => {
    const [id, at, microseconds, words, address, name] = listOf(entry);
    return {
      id: plainText(id),
      atSeconds: Number(plainText(at)),
      microseconds: Number(plainText(microseconds)),
      words: listOf(words ?? null)
        .map(plainText)
        .join(' '),
      client: [plainText(address), plainText(name)].filter((part) => part !== '').join(' '),
    };
  });
}
