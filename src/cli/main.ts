#!/usr/bin/env node
import { clientCommands } from './client.js';
import type { Command } from './command.js';
import { runCommandLine } from './command-line.js';
import { demoCommands } from './demo.js';
import { keyServiceCommands } from './key-service.js';
import { logCommands } from './log.js';
import { proveBackupCommands } from './prove-backup.js';
import { receiptCommands } from './receipt.js';
import { restoreCheckCommands } from './restore-check.js';
import { rootCommands } from './root.js';
import { shareServerCommands } from './share-server.js';
import { openApplication, openKeys, openRootStores, openService } from './surroundings.js';
import { tenantCommands } from './tenant.js';
import { tenantEraseCommands } from './tenant-erase.js';
import { witnessCommands } from './witness.js';

const commands: readonly Command[] = [
  ...tenantCommands,
  ...tenantEraseCommands(openService),
  ...clientCommands,
  ...receiptCommands,
  ...logCommands,
  ...witnessCommands,
  ...rootCommands({ openKeys, openRootStores }),
  ...restoreCheckCommands(openService),
  ...proveBackupCommands,
  ...keyServiceCommands(openKeys),
  ...shareServerCommands,
  ...demoCommands,
];

process.exitCode = await runCommandLine(
  {
    commands,
    openApplication,
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
  },
  process.argv.slice(2),
);
