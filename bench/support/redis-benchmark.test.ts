import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readOutput } from './redis-benchmark.js';

const output = `
====== SET key:__rand_int__ x ======
  200000 requests completed in 3.49 seconds
  50 parallel clients

Latency by percentile distribution:
0.000% <= 0.167 milliseconds (cumulative count 1)
50.000% <= 0.471 milliseconds (cumulative count 101956)
99.805% <= 3.183 milliseconds (cumulative count 199612)
99.902% <= 4.623 milliseconds (cumulative count 199805)
100.000% <= 7.031 milliseconds (cumulative count 200000)

Cumulative distribution of latencies:
0.000% <= 0.103 milliseconds (cumulative count 0)

Summary:
  throughput summary: 57240.98 requests per second
  latency summary (msec):
          avg       min       p50       p95       p99       max
        0.513     0.160     0.471     0.775     1.583     7.031
`;

test("redis-benchmark's report is read", () => {
  assert.deepEqual(readOutput(output), {
    requests: 200000,
    seconds: 3.49,
    p50: 0.471,
    p99: 1.583,
    p999: 4.623,
  });
});

test('anything else is refused', () => {
  assert.throws(() => readOutput('Could not connect'), /unexpected/);
});
