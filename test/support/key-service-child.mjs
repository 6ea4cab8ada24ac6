import { serveVault } from '../../src/http/key-service.ts';
import { createVaultService } from '../../src/vault/service/vault-service.ts';
import { MemoryVault } from './memory-vault.ts';

/** A key service in a process of its own whose vault hangs, to be killed in the middle of a call. */
const vault = new MemoryVault(1);
const service = createVaultService(vault, () => undefined);
await serveVault(service, {
  listenOn: { socketPath: process.argv[2] ?? '' },
  report: () => undefined,
});
vault.fault = 'hang';
const roots = vault.roots;
vault.roots = () => {
  process.stdout.write('called\n');
  return roots();
};
process.stdout.write('listening\n');
