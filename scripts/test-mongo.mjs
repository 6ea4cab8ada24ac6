// npm run test:mongo: the contract and end-to-end tests on MongoDB, and MongoDB's own tests.
// It uses the replica set at MONGODB_URI, else starts one; without either it fails.
import { runJest } from './jest.mjs';
import { prepare } from './prepare.mjs';
import { say } from './process.mjs';

const folders = ['contract', 'operations', 'mongo'];

async function startReplicaSet() {
  const { MongoMemoryReplSet } = await import('mongodb-memory-server-core');
  say('MONGODB_URI is not set; starting a one-node replica set (this may download MongoDB)');
  try {
    return await MongoMemoryReplSet.create({ replSet: { count: 1, storageEngine: 'wiredTiger' } });
  } catch (error) {
    throw new Error(
      'no MongoDB to test on: set MONGODB_URI to a replica set, or MONGOMS_SYSTEM_BINARY to a mongod ' +
        `(starting one failed: ${error.message})`,
      { cause: error },
    );
  }
}

async function main() {
  await prepare();
  const given = process.env.MONGODB_URI;
  const replicaSet = given ? undefined : await startReplicaSet();
  try {
    const env = { MONGODB_URI: given ?? replicaSet.getUri(), LETHE_TEST_STORE: 'mongo' };
    const { code, passed, failed, skipped } = await runJest({ folders, env, show: true });
    console.log(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
    if (code !== 0 || passed === 0 || failed > 0 || skipped > 0) process.exitCode = 1;
  } finally {
    await replicaSet?.stop();
  }
}

await main().catch((error) => {
  say(error.message);
  process.exitCode = 1;
});
