/**
 * A long text out of many parts. V8 ends the process when an array gets more than 2^27 elements, so
 * parts are not collected in one: short parts make up a chunk, and only chunks are kept. Between two
 * chunks the script's time and memory are counted.
 */
import { meter } from './meter.js';

const CHUNK_CHARACTERS = 4096;

export class TextBuilder {
  private readonly chunks: string[] = [];
  private chunk = '';
  /** Characters of all chunks. */
  private total = 0;

  /** @throws LuaError when the text would be longer than a string may be */
  push(part: string): void {
    if (part.length >= CHUNK_CHARACTERS) {
      this.endChunk();
      this.keep(part);
      return;
    }
    this.chunk += part;
    if (this.chunk.length >= CHUNK_CHARACTERS) this.endChunk();
  }

  finish(): string {
    if (this.chunks.length === 0) {
      meter.allocateString(this.chunk.length);
      return flattened(this.chunk);
    }
    this.endChunk();
    meter.allocateString(this.total);
    return this.chunks.join('');
  }

  private endChunk(): void {
    if (this.chunk === '') return;
    this.keep(flattened(this.chunk));
    this.chunk = '';
  }

  private keep(chunk: string): void {
    this.total += chunk.length;
    meter.checkTotal(this.total);
    meter.allocateString(chunk.length);
    this.chunks.push(chunk);
  }
}

/** Keeps V8 from leaving out a reading whose result nobody uses. */
export let firstRead = 0;

/**
 * The same string as one run of bytes. V8 keeps a concatenation as a tree of its parts until somebody
 * reads a character of it.
 */
export function flattened(text: string): string {
  firstRead = text.charCodeAt(0);
  return text;
}
