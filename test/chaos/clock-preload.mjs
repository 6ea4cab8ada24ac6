// Loaded into a server before its own code: its wall clock is off by the milliseconds that the file
// CHAOS_CLOCK holds, and is set again whenever the file is replaced. Timers and performance.now() go on
// as they are, as on a machine whose clock is set. It is done in the process, so that it needs nothing
// installed and sets no other clock: of Lethe and its packages only Date tells the time of the day.
import { readFileSync } from 'node:fs';

const path = process.env.CHAOS_CLOCK;
const RealDate = Date;
let offsetMs = readOffset();

function readOffset() {
  return Number(readFileSync(path, 'utf8'));
}

const now = () => RealDate.now() + offsetMs;

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
  apply: () => new RealDate(now()).toString(),
  get: (target, name, receiver) => (name === 'now' ? now : Reflect.get(target, name, receiver)),
});

setInterval(() => {
  offsetMs = readOffset();
}, 50).unref();
