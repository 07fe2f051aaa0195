/** What the data path builds on: copying and comparing short and long runs of shared memory. */
import { copyBytes, equalBytes, Region } from '../../src/base/region.js';
import { micro } from './harness.js';

const MASK = (1 << 20) - 1;
const from = new Region(new SharedArrayBuffer((MASK + 1) * 2), 0);
const to = new Region(new SharedArrayBuffer((MASK + 1) * 2), 0);
let equal = 0;

for (const length of [11, 100, 4096]) {
  micro(`region: copy ${length} bytes`, (iterations) => {
    for (let i = 0; i < iterations; i++) {
      copyBytes(to, (i * 4104) & MASK, from, (i * 8200) & MASK, length);
    }
  });
  micro(`region: compare ${length} equal bytes`, (iterations) => {
    for (let i = 0; i < iterations; i++) {
      if (equalBytes(to, 0, to, MASK & ~4095, length)) equal++;
    }
  });
}
if (Number.isNaN(equal)) process.exitCode = 1;
