/**
 * `npm run embedding -- [servers] [rounds]`: starts and stops so many servers at once within this process, and
 * tells what the process holds. Code 1 when anything is left.
 */
import { held, startAndStop, untilGivenBack } from './support.js';

const [servers = 50, rounds = 2] = process.argv.slice(2).map(Number);
/** Five a server. The first round is not counted: the allocator keeps an arena for each of many threads. */
const LEFT_MEBIBYTES_MAX = 250;

await startAndStop(1, 1);
const first = held();
let afterFirstRound = first;
console.log('after one server:', first);
for (let round = 1; round <= rounds; round++) {
  const startedMs = performance.now();
  await startAndStop(servers, 1);
  await untilGivenBack(first);
  const ms = Math.round(performance.now() - startedMs);
  if (round === 1) afterFirstRound = held();
  console.log(`round ${round}, ${servers} at once, ${ms} ms:`, held());
}
const leftMebibytes = held().mebibytes - afterFirstRound.mebibytes;
if (leftMebibytes > LEFT_MEBIBYTES_MAX) {
  console.log(`${leftMebibytes} MiB of address space are left`);
  process.exitCode = 1;
}
