// For `--import` beside `--expose-gc`: at SIGUSR2 tells on stdout how much of the heap is in use.
process.on("SIGUSR2", () => {
  globalThis.gc?.();
  process.stdout.write(`heap in use: ${process.memoryUsage().heapUsed}\n`);
});
