/** Line ends at the ends of a text. Patterns for them (`/[\r\n]+$/`) take quadratic time. */

export const LF = 10;
export const CR = 13;

export function isLineEnd(code: number): boolean {
  return code === CR || code === LF;
}

/** A text without the line ends at its end. */
export function withoutLineEnds(text: string): string {
  let end = text.length;
  while (end > 0 && isLineEnd(text.charCodeAt(end - 1))) end--;
  return end === text.length ? text : text.slice(0, end);
}

/** A text without the line ends at both ends. */
export function withoutOuterLineEnds(text: string): string {
  const body = withoutLineEnds(text);
  let start = 0;
  while (start < body.length && isLineEnd(body.charCodeAt(start))) start++;
  return start === 0 ? body : body.slice(start);
}
