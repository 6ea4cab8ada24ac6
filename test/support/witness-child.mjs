// A witness in a process of its own that keeps a checkpoint and never answers, to be killed then:
// node witness-child.mjs NAME DIRECTORY VKEY
import { nodePrimitives } from '../../src/audit/offline/node-primitives.ts';
import { parseVerifierKey } from '../../src/audit/offline/verifier-key.ts';
import { openStateFiles } from '../../src/audit/witness/state-file.ts';
import { createWitness } from '../../src/audit/witness/witness.ts';
import { openWitnessKey } from '../../src/cli/witness-key.ts';
import { serveWitness } from '../../src/http/witness-server.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { lockFile } from '../../src/store/sqlite/data-dir.ts';

const [, , name, directory, vkey] = process.argv;
const cosigner = await openWitnessKey({ name, directory });
const files = openStateFiles({ directory, witness: cosigner.key, lock: lockFile });
const state = {
  latest: files.latest,
  keep: async (latest) => {
    await files.keep(latest);
    process.stdout.write('kept\n');
    await new Promise(() => undefined);
  },
};
const logs = [await parseVerifierKey(nodePrimitives, vkey)];
const witness = createWitness({ cosigner, logs, state, clock: systemClock });
const at = { host: '127.0.0.1', port: 0, report: () => undefined };
const { port } = await serveWitness({ witness, ...at });
process.stdout.write(`${cosigner.key.vkey}\nlistening on http://127.0.0.1:${port}\n`);
