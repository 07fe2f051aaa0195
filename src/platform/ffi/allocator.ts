/**
 * The C library's allocator, which the JavaScript engine and shared memory come from. Left to itself
 * glibc keeps much of what it has freed: it raises its thresholds to the largest block that was ever
 * freed, and gives each thread an arena with free memory of its own.
 */
import { libc } from './libc.js';

const M_TRIM_THRESHOLD = -1;
const M_MMAP_THRESHOLD = -3;
const M_ARENA_MAX = -8;

/** Where both thresholds of glibc begin. To set them keeps them there. */
const THRESHOLD_BYTES = 128 * 1024;
/** So few that threads use what others have freed. The data path allocates nothing. */
const ARENAS = 2;

/** For the whole process: only where that is the server's own. */
export function tuneAllocator(): void {
  libc?.mallopt(M_MMAP_THRESHOLD, THRESHOLD_BYTES);
  libc?.mallopt(M_TRIM_THRESHOLD, THRESHOLD_BYTES);
  libc?.mallopt(M_ARENA_MAX, ARENAS);
}
