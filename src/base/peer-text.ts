/** What another server has sent, as it may stand in an error or a line of the log. */

/** Characters of it that are shown. */
export const SHOWN_CHARACTERS_MAX = 200;

/** Its first characters; what is no printable ASCII becomes a question mark, so that no line ends early. */
export function shownFromPeer(text: string): string {
  const shown = text.slice(0, SHOWN_CHARACTERS_MAX).replace(/[^ -~]/g, '?');
  return text.length > SHOWN_CHARACTERS_MAX ? `${shown}...` : shown;
}
