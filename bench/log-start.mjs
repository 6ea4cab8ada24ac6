// A fresh process that opens the log of a directory, appends its first leaf and proves it: how long that took.
import { appendPending, newEntries, openLog } from './log-engine.mjs';
import { answerQuestions } from './processes.mjs';

const loadedAtMs = performance.now();
const log = await openLog(process.argv[2]);
const openedAtMs = performance.now();
await appendPending(log.store, newEntries(1));
await log.sequencer.settle();
const size = await log.size();
const appendedAtMs = performance.now();
await log.reader.inclusionProof({ index: size - 1, size });
const provenAtMs = performance.now();
await log.close();

answerQuestions({
  times: () => ({
    loadMs: loadedAtMs,
    openMs: openedAtMs - loadedAtMs,
    appendMs: appendedAtMs - openedAtMs,
    proofMs: provenAtMs - appendedAtMs,
  }),
});
