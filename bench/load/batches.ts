/** The batches that a connection sends, made before the load begins. */
import type { LoadOptions } from './options.js';
import { type Batch, encodeBatch } from './workload.js';

/**
 * Batches whose commands follow the pattern without a seam: as many as it takes until the pattern
 * begins anew at a batch's start. Connections start at different places in it.
 */
export function makeBatches(options: LoadOptions, connection: number): Batch[] {
  const { pattern, pipeline, keys, valueBytes } = options;
  const count = pattern.length / greatestCommonDivisor(pattern.length, pipeline);
  const batches: Batch[] = [];
  let next = connection % pattern.length;
  for (let i = 0; i < count; i++) {
    const kinds = Array.from({ length: pipeline }, (_, k) => pattern[(next + k) % pattern.length]!);
    batches.push(encodeBatch(kinds, keys, valueBytes));
    next += pipeline;
  }
  return batches;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/** The bytes of a batch's first `count` commands (fills use one SET a key). */
export function cutBatch(batch: Batch, count: number): Uint8Array {
  const length = (batch.bytes.length / batch.kinds.length) * count;
  return batch.bytes.subarray(0, length);
}
