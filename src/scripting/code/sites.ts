/**
 * Sites: the places in generated code where Lua can fail or call. Each begins a line of JavaScript
 * of its own, so that a line of the JavaScript stack tells the site, and with it the line of Lua
 * and the names of the operands. Nothing is kept up to date while a script runs: the stack is read
 * only when there is an error to describe.
 */

/** A tail call is one that makes Lua forget the function that makes it. */
export type SiteKind = 'operation' | 'call' | 'tail-call';

export interface Site {
  /** Line of Lua. */
  readonly line: number;
  /** The first operand, or what is called, as `global 'x'`; '' when it has no name. */
  readonly first: string;
  readonly second: string;
  readonly kind: SiteKind;
}

/** Marks a site in generated code until its line is known. No Lua text gets into code unescaped. */
const MARK = '\u0001';
// biome-ignore lint/suspicious/noControlCharactersInRegex: source text can't hold this mark.
const MARKS = /\u0001(\d+);/g;

export class SiteTable {
  private readonly sites: Site[] = [];

  /** A line break that carries the site: put it right before the call that may fail. */
  add(line: number, first = '', second = '', kind: SiteKind = 'operation'): string {
    this.sites.push({ line, first, second, kind });
    return `${MARK}${this.sites.length - 1};`;
  }

  /** The code with its line breaks, and the site that each line begins with. */
  finish(code: string): { code: string; sites: Site[] } {
    const sites: Site[] = [];
    const text = code.replace(MARKS, (_, index: string) => {
      sites.push(this.sites[Number(index)]!);
      return '\n';
    });
    return { code: text, sites };
  }
}
