/** The memory in which the threads of a process share scripts, libraries and what runs. */
import { SharedRecords } from '../../memory/shared-records.js';
import { SharedStates } from '../../memory/shared-states.js';
import { SharedText } from '../../memory/shared-text.js';
import { LIBRARIES_BYTES_MAX } from './functions.js';
import { SOURCES_BYTES_MAX } from './script-cache.js';

export function createScriptingBuffers(threads: number): {
  readonly records: SharedArrayBuffer;
  readonly libraries: SharedArrayBuffer;
  readonly states: SharedArrayBuffer;
} {
  return {
    records: SharedRecords.create(SOURCES_BYTES_MAX).buffer,
    libraries: SharedText.create('[]', LIBRARIES_BYTES_MAX).buffer,
    states: SharedStates.create(threads).buffer,
  };
}
