import mongoose from 'mongoose';
import { sendCommand } from '../support/wire-proxy.js';

const { BSON } = mongoose.mongo;

/** MongoDB's transactionLifetimeLimitSeconds, here for transactions that are idle. */
const IDLE_LIMIT_MS = 5_000;
const CHECK_MS = 500;
/** A command of a transaction has it. */
const MARK = 'autocommit';
const LAST = new Set(['commitTransaction', 'abortTransaction']);

interface Transaction {
  readonly lsid: object;
  readonly txnNumber: unknown;
  usedAtMs: number;
}

/**
 * Ends what processes leave open when they are killed or cut off. MongoDB does so itself after a minute;
 * the stand-in for tests ends then, with everybody's connections.
 */
export class OpenTransactions {
  readonly #target: { host: string; port: number };
  readonly #open = new Map<string, Transaction>();
  readonly #timer: NodeJS.Timeout;
  #ending: Promise<void> = Promise.resolve();

  constructor(target: { host: string; port: number }) {
    this.#target = target;
    this.#timer = setInterval(() => {
      this.#ending = this.#ending.then(() => this.#endThose(IDLE_LIMIT_MS));
    }, CHECK_MS);
  }

  /** To be called with every command that reaches the server. */
  note(command: string, document: Uint8Array): void {
    if (!Buffer.from(document.buffer, document.byteOffset, document.byteLength).includes(MARK))
      return;
    const { lsid, txnNumber } = BSON.deserialize(firstOf(document), { promoteLongs: false }) as {
      lsid: { id: { toString(encoding: string): string } };
      txnNumber: unknown;
    };
    const key = lsid.id.toString('hex');
    if (LAST.has(command)) this.#open.delete(key);
    else this.#open.set(key, { lsid, txnNumber, usedAtMs: performance.now() });
  }

  /** Ends all that is open. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#ending;
    await this.#endThose(0);
  }

  async #endThose(idleMs: number): Promise<void> {
    for (const [key, { lsid, txnNumber, usedAtMs }] of this.#open) {
      if (performance.now() - usedAtMs < idleMs) continue;
      this.#open.delete(key);
      const abort = { abortTransaction: 1, lsid, txnNumber, autocommit: false, $db: 'admin' };
      // It may have ended already, or the server be away.
      await sendCommand(this.#target, BSON.serialize(abort)).catch(() => undefined);
    }
  }
}

/** The document alone: sections may follow it. */
function firstOf(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(0, new DataView(bytes.buffer, bytes.byteOffset).getInt32(0, true));
}
