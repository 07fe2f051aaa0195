/**
 * Every thread's JavaScript heap: the data lies outside of it, and what little is made there dies young.
 * Left to itself V8 lets the young generation grow to 48 MiB a thread before it looks.
 */
export const THREAD_LIMITS = { maxYoungGenerationSizeMb: 3 };
