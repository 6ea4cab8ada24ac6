#!/usr/bin/env node
import { readConfig } from '../config/config.js';
import { readEnv } from '../config/env.js';
import { clientCommands } from './client.js';
import type { Command } from './command.js';
import { runCommandLine } from './command-line.js';
import { demoCommands } from './demo.js';
import { logCommands } from './log.js';
import { tenantCommands } from './tenant.js';

const commands: readonly Command[] = [
  ...tenantCommands,
  ...clientCommands,
  ...logCommands,
  ...demoCommands,
];

process.exitCode = await runCommandLine(
  {
    commands,
    // Loaded when needed, so that --help and bad usage answer at once.
    openApplication: async () => {
      const { openContext } = await import('../context.js');
      return await openContext(readConfig(readEnv()));
    },
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
  },
  process.argv.slice(2),
);
