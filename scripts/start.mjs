// npm start: prepares a fresh clone, then becomes the server (same process, so that signals reach it).
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { prepare } from './prepare.mjs';
import { root, say } from './process.mjs';

try {
  await prepare();
} catch (error) {
  say(error.message);
  process.exit(1);
}
const server = join(root, 'dist/main.js');
process.argv[1] = server;
await import(pathToFileURL(server).href);
