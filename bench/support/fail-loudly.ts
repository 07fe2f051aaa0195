/** Imported first by each program: whatever goes wrong ends it with one clear message, no table. */
process.on('uncaughtException', (error) => {
  const text = error instanceof Error ? error.message : String(error);
  process.stderr.write(`\nFAILED, so there are no figures: ${text}\n`);
  if (process.env.DARTER_BENCH_STACK !== undefined && error instanceof Error) {
    process.stderr.write(`${error.stack}\n`);
  }
  process.exit(1);
});
