import type { DeliveryStore } from '../../src/callbacks/delivery-store.js';

type Call = 'claim' | 'finishAttempt';

/** The given store, of which the calls named in `failing` fail. */
export function unreliable(store: DeliveryStore, failing: ReadonlySet<Call>): DeliveryStore {
  function check(call: Call): void {
    if (failing.has(call)) throw new Error(`the store does not answer: ${call}`);
  }
  return {
    ...store,
    claim: async (claim) => {
      check('claim');
      return await store.claim(claim);
    },
    finishAttempt: async (leased, result) => {
      check('finishAttempt');
      return await store.finishAttempt(leased, result);
    },
  };
}
