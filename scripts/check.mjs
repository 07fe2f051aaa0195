/** `npm run check`: types, lint, format, tidy. The same here and in CI; all of it runs even if a part fails. */
import { packageBinary, runNode } from './files.mjs';

const biome = packageBinary('@biomejs/biome', 'bin/biome');
const steps = [
  ['types', 'scripts/build.mjs'],
  ['lint', biome, 'lint', '.'],
  ['format', biome, 'format', '.'],
  ['tidy', '--test', '--test-reporter=spec', 'dist/test/tidy.test.js'],
];

const failed = [];
for (const [name, ...command] of steps) {
  console.log(`== ${name}`);
  if (runNode(...command) !== 0) failed.push(name);
}
if (failed.length > 0) console.error(`\nFailed: ${failed.join(', ')}`);
process.exit(failed.length > 0 ? 1 : 0);
