import { expect, test } from '@jest/globals';
import type { CommandContext } from '../../src/cli/command.js';
import { demoCommands } from '../../src/cli/demo.js';

test('when the demo runs, then every step is checked, down to the VERIFY that must fail', async () => {
  const printed: { text: string; json: unknown }[] = [];
  const context: CommandContext = {
    isJson: true,
    open: () => Promise.reject(new Error('the demo has a store of its own')),
    print: (result) => printed.push(result),
  };
  await demoCommands[0]?.run(context, []);
  const { steps } = printed[0]?.json as { steps: { title: string; checked: string }[] };
  const checked = steps.map((step) => step.checked).join('\n');
  expect(steps).toHaveLength(10);
  expect(checked).toContain('HMAC and Ed25519 signatures right');
  expect(checked).toContain('303 to https://integrator.example/done');
  expect(checked).toContain('valid offline');
  expect(checked).toContain('404 SUBJECT_NOT_FOUND');
  expect(checked).toContain('tree and signatures right');
});
