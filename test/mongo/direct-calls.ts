import type { Store } from '../../src/operations/unit-of-work.js';
import type { Call } from './calls.js';
import * as sample from './samples.js';

const { session, subject, erasure, delivery, entry, review, logKey, cosignature } = sample;
const later = session.expiresAtMs + 1_000;

/** Every method that writes of the ports that take part in no transaction, and a transaction itself. */
export const DIRECT_CALLS: Readonly<Record<string, Call<Store>>> = {
  'reflectedRoots.reflect': {
    call: ({ reflectedRoots }) => reflectedRoots.reflect({ rootId: 'root', epoch: 2 }),
  },
  'trees.claim': { call: ({ trees }) => trees.of('root').claim('owner') },
  'trees.claim (held)': {
    given: ({ trees }) => trees.of('root').claim('another'),
    call: ({ trees }) => trees.of('root').claim('owner'),
  },
  'trees.release': {
    given: ({ trees }) => trees.of('root').claim('owner'),
    call: ({ trees }) => trees.of('root').release('owner'),
  },
  'trees.commit': {
    given: async ({ trees }) => {
      await trees.of('root').claim('owner');
      const before = { written: [sample.node(1), sample.node(2)], namedTrees: [sample.tree(7)] };
      await trees.of('root').commit(before, 'owner');
    },
    call: ({ trees }) =>
      trees.of('root').commit(
        {
          written: [sample.node(3), { ...sample.node(2), epoch: 2 }],
          resealed: [{ ...sample.node(1), revision: 1 }],
          namedTrees: [sample.tree(8)],
          removedTrees: [7],
        },
        'owner',
      ),
  },
  'trees.removeUncommitted': {
    given: async ({ trees }) => {
      await trees.of('root').claim('owner');
      const newer = { ...sample.node(1), side: 1, epoch: 5 } as const;
      await trees.of('root').commit({ written: [sample.node(1), newer] }, 'owner');
    },
    call: ({ trees }) => trees.of('root').removeUncommitted(4, 'owner'),
  },
  'log.sequence': {
    given: async ({ audit, logKeys }) => {
      await logKeys.insert(logKey);
      for (const number of [1, 2, 3]) await audit.append(entry(number));
    },
    call: ({ log }) => log.sequence(2, sample.extend),
  },
  'log.sequence (one appended again)': {
    given: async ({ audit, log }) => {
      await audit.append(entry(1));
      await log.sequence(2, sample.extend);
      for (const number of [1, 2, 3]) await audit.append(entry(number));
    },
    call: ({ log }) => log.sequence(2, sample.extend),
  },
  'log.forgetEntriesBefore': {
    given: async ({ audit, log }) => {
      for (const number of [1, 2, 3]) await audit.append(entry(number));
      await log.sequence(3, sample.extend);
    },
    call: ({ log }) => log.forgetEntriesBefore(later, 2),
  },
  'log.addCosignature': { call: ({ log }) => log.addCosignature(cosignature) },
  'log.addCosignature (said)': {
    given: ({ log }) => log.addCosignature(cosignature),
    call: ({ log }) => log.addCosignature({ ...cosignature, line: 'other' }),
  },
  'installation.insert': {
    call: ({ installation }) => installation.insert(sample.installation),
  },
  'installation.insert (standing)': {
    given: ({ installation }) => installation.insert(sample.installation),
    call: ({ installation }) =>
      installation.insert({ ...sample.installation, installationId: 'other' }),
  },
  transaction: {
    given: ({ subjects }) => subjects.insert(subject),
    call: (store) =>
      store.transaction(async ({ subjects, erasures, sessions, deliveries, audit }) => {
        const found = await subjects.find(subject);
        const begun = await subjects.beginErasure(subject);
        await erasures.start(erasure);
        await sessions.insert(session);
        await deliveries.insert(delivery);
        await audit.append({ ...entry(1), review: review(1) });
        return { found, begun };
      }),
  },
};
