/** Runs schedules of roles one after the other and adds up what happened in them. */
import { type RolesOutcome, RolesWorld } from './roles-world.js';

/** @throws with the seed and the story of the first schedule that fails */
export function simulateRoles(firstSeed: number, schedules: number): string {
  const sums: Partial<RolesOutcome> = {};
  for (let seed = firstSeed; seed < firstSeed + schedules; seed++) {
    const world = new RolesWorld(seed);
    try {
      const outcome = world.run();
      for (const name of Object.keys(outcome) as (keyof RolesOutcome)[]) {
        sums[name] = (sums[name] ?? 0) + outcome[name];
      }
    } catch (error) {
      const story = world.story.slice(-60).join('\n  ');
      throw new Error(
        `schedule with seed ${seed} failed ` +
          `(npm run simulate -- --part roles --schedules 1 --seed ${seed})\n  ${story}`,
        { cause: error },
      );
    }
  }
  return Object.entries(sums)
    .map(([name, count]) => `  ${name}: ${count}`)
    .join('\n');
}
