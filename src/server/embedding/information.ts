/** INFO's text as an object. */
import type { ServerInfo } from './darter.js';

/** Not '0x..' nor an id of digits that a number cannot hold. */
const NUMBER = /^-?\d{1,15}(\.\d+)?$/;

/** Sections by their lower-case names; a field's value is a number where it looks like one. */
export function parseInfo(text: string): ServerInfo {
  const sections: Record<string, Record<string, string | number>> = {};
  let fields: Record<string, string | number> = {};
  for (const line of text.split('\r\n')) {
    if (line.startsWith('# ')) {
      fields = {};
      sections[line.slice(2).toLowerCase()] = fields;
      continue;
    }
    const colon = line.indexOf(':');
    if (colon < 0) continue;
    const value = line.slice(colon + 1);
    fields[line.slice(0, colon)] = NUMBER.test(value) ? Number(value) : value;
  }
  return sections;
}
