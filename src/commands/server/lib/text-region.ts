/** A region that holds a short text: for functions that take bytes, off the data path. */
import { Region } from '../../../base/region.js';

/** @param text one char per byte; the region is a little longer */
export function regionOf(text: string): Region {
  const region = new Region(new SharedArrayBuffer((text.length + 8) & ~7), 0);
  for (let i = 0; i < text.length; i++) region.bytes[i] = text.charCodeAt(i);
  return region;
}
