/** Runs schedules one after the other and adds up what happened in them. */
import { World } from './world.js';

/** @throws with the seed and the story of the first schedule that fails */
export function simulate(firstSeed: number, schedules: number, steps: number): string {
  const sums = {
    fullSyncs: 0,
    continued: 0,
    resumed: 0,
    restartedShards: 0,
    promotions: 0,
    joint: 0,
    lost: 0,
    ordered: 0,
    shrunkRings: 0,
  };
  const failures = new Map<string, number>();
  for (let i = 0; i < schedules; i++) {
    const seed = firstSeed + i;
    let world: World | undefined;
    try {
      world = new World(seed, steps);
      const outcome = world.run();
      for (const name of Object.keys(sums) as (keyof typeof sums)[]) sums[name] += outcome[name];
      for (const [why, count] of outcome.failures) {
        failures.set(why, (failures.get(why) ?? 0) + count);
      }
    } catch (error) {
      const story = world?.story.slice(-25).join('\n  ') ?? 'it never began';
      throw new Error(
        `schedule with seed ${seed} failed (npm run simulate -- --schedules 1 --seed ${seed}` +
          ` --steps ${steps})\n  ${story}`,
        { cause: error },
      );
    }
  }
  const lost = [...failures].sort((a, b) => b[1] - a[1]);
  const lines = Object.entries(sums).map(([name, count]) => `  ${name}: ${count}`);
  return [...lines, ...lost.map(([why, count]) => `  ${count} × ${why}`)].join('\n');
}
