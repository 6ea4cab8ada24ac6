import { nodePrimitives } from './node-primitives.js';
import type { ReceiptReport } from './receipt-report.js';
import { type ReceiptTexts, verifyTexts } from './verify-texts.js';

/**
 * Verifies the receipt of an erasure, in Node: `import { verifyReceipt } from 'lethe/receipt'`. Throws
 * as `verifyTexts` does.
 */
export async function verifyReceipt(texts: ReceiptTexts): Promise<ReceiptReport> {
  return await verifyTexts(nodePrimitives, texts);
}
