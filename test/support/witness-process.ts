import { nodePrimitives } from '../../src/audit/offline/node-primitives.js';
import { parseVerifierKey, type VerifierKey } from '../../src/audit/offline/verifier-key.js';
import { Program } from './program.js';

/** `lethe witness` in a process of its own. */
export interface WitnessProcess {
  readonly program: Program;
  readonly key: VerifierKey;
  readonly url: string;
}

/** Starts the command with these arguments, or another script that says the same of itself. */
export async function startWitness(
  args: readonly string[],
  script: readonly string[] = ['src/cli/main.ts', 'witness', '--port', '0'],
): Promise<WitnessProcess> {
  const program = await Program.start({ argv: [...script, ...args], env: {} });
  const [vkey = '', listening = ''] = program.output.split('\n');
  const key = await parseVerifierKey(nodePrimitives, vkey);
  const url = /^listening on (http:\/\/.+:\d+)$/.exec(listening)?.[1];
  if (key === undefined || url === undefined) throw new Error(program.output);
  return { program, key, url };
}
