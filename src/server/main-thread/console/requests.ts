/** What the console reads of a request, within bounds, and how it answers: JSON both ways. */
import type { IncomingMessage, ServerResponse } from 'node:http';

export const BODY_BYTES_MAX = 64 * 1024;
export const WORDS_MAX = 1024;
export const COMMANDS_MAX = 128;

/** Ends a request with this status. */
export class RequestError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** @throws RequestError */
export async function readBody(
  request: IncomingMessage,
): Promise<Readonly<Record<string, unknown>>> {
  // A form of another site cannot have this type: the browser would ask first, and gets no permission.
  if (!/^application\/json(;|$)/.test(request.headers['content-type'] ?? '')) {
    throw new RequestError(415, 'The body must be application/json');
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) throw new RequestError(413, 'The body is too long');
    chunks.push(chunk);
  }
  return objectOf(Buffer.concat(chunks).toString('utf8'));
}

function objectOf(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new RequestError(400, 'The body is no JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new RequestError(400, 'The body is no object');
  }
  return value as Readonly<Record<string, unknown>>;
}

/** Commands, in words with one char per byte. @throws RequestError */
export function commandsOf(value: unknown): string[][] {
  if (!Array.isArray(value) || value.length === 0 || value.length > COMMANDS_MAX) {
    throw new RequestError(400, `A request has 1 to ${COMMANDS_MAX} commands`);
  }
  return value.map(wordsOf);
}

function wordsOf(value: unknown): string[] {
  const isWord = (word: unknown): word is string =>
    // biome-ignore lint/suspicious/noControlCharactersInRegex: any byte may stand in a word
    typeof word === 'string' && /^[\u0000-\u00ff]*$/.test(word);
  if (!Array.isArray(value) || value.length === 0 || value.length > WORDS_MAX) {
    throw new RequestError(400, `A command has 1 to ${WORDS_MAX} words`);
  }
  if (!value.every(isWord) || value[0] === '') throw new RequestError(400, 'No words of a command');
  return value;
}

/** @returns '' without it */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

export function cookieOf(request: IncomingMessage, name: string): string {
  for (const part of (request.headers.cookie ?? '').split(';')) {
    const [key, value] = part.trim().split('=', 2);
    if (key === name) return value ?? '';
  }
  return '';
}

export function answerJson(response: ServerResponse, status: number, value: unknown): void {
  response.statusCode = status;
  response.setHeader('Content-Type', 'application/json; charset=utf-8');
  response.end(JSON.stringify(value));
}

/** 'address:port' as CLIENT LIST shows it; an IPv4 client of an IPv6 socket as such. */
export function addressText(address: string | undefined, port: number | undefined): string {
  const plain = (address ?? '').replace(/^::ffff:(?=\d+\.)/, '');
  return plain.includes(':') ? `[${plain}]:${port ?? 0}` : `${plain}:${port ?? 0}`;
}

export function isLoopback(address: string | undefined): boolean {
  const plain = (address ?? '').replace(/^::ffff:(?=\d+\.)/, '');
  return plain === '::1' || plain.startsWith('127.');
}
