/** Runs schedules of the journal and of snapshots on a simulated disk. */
import { type DiskOutcome, DiskWorld } from './disk-world.js';

/** @returns a summary. @throws with the seed of the schedule that fails */
export async function simulateDisk(seed: number, count: number, steps: number): Promise<string> {
  const sum: DiskOutcome = {
    ...{ writes: 0, starts: 0, acknowledged: 0, refused: 0, unreadable: 0, torn: 0 },
    ...{ failedSyncs: 0, rewrites: 0, snapshots: 0, roles: 0 },
  };
  for (let i = 0; i < count; i++) {
    try {
      const outcome = await new DiskWorld(seed + i, steps).run();
      for (const key of Object.keys(sum) as (keyof DiskOutcome)[]) sum[key] += outcome[key];
    } catch (error) {
      throw new Error(`the schedule of seed ${seed + i} failed`, { cause: error });
    }
  }
  return Object.entries(sum)
    .map(([key, value]) => `${key} ${value}`)
    .join(', ');
}
