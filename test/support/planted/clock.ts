// Loaded into a companion before its own code: a wall clock that is off by PLANTED_CLOCK_MS,
// from the start or, with PLANTED_CLOCK_AT=SIGUSR2, from that signal on until the next. The
// monotonic clock stays as it is.
const OURS = Date;
const offMs = Number(process.env["PLANTED_CLOCK_MS"]);
let shift = process.env["PLANTED_CLOCK_AT"] ? 0 : offMs;
process.on("SIGUSR2", () => {
  shift = shift === 0 ? offMs : 0;
});

globalThis.Date = new Proxy(OURS, {
  construct: (target, args, itself): object =>
    Reflect.construct(target, args.length === 0 ? [OURS.now() + shift] : args, itself),
  get: (target, name, itself): unknown =>
    name === "now" ? () => OURS.now() + shift : Reflect.get(target, name, itself),
});
