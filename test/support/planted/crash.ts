// Loaded into a companion before its own code: an error that nobody catches, at SIGUSR2.
process.on("SIGUSR2", () => {
  setImmediate(() => {
    throw new Error("planted");
  });
});
