/** Bytes that the structures of this thread's streams pass ids and keys in. */
import { Region } from '../../base/region.js';

/** The id of a block that is written or sought. */
export const idBytes = new Region(new SharedArrayBuffer(16), 0);
