// Runs the scenario that must notice every bug of mutants.ts. Prints one line of JSON
// {"caught": what was noticed, or null}. A bug that makes the vault itself fail is noticed, too.
import { everySubjectIsWholeOrGone } from './scenario.js';

const caught = await everySubjectIsWholeOrGone().then(
  () => null,
  (error: unknown) => (error instanceof Error ? `${error.name}: ${error.message}` : String(error)),
);
process.stdout.write(`${JSON.stringify({ caught })}\n`, () => process.exit(0));
