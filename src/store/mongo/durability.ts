import { SECOND_MS } from '../../lib/clock.js';

/** A write counts when a majority has it in its journal; a read sees nothing less. */
export const DURABLE = {
  readConcern: { level: 'majority' },
  writeConcern: { w: 'majority', journal: true, wtimeoutMS: 10 * SECOND_MS },
  readPreference: 'primary',
} as const;
