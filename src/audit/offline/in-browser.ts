import type { ReceiptReport } from './receipt-report.js';
import { type ReceiptTexts, verifyTexts } from './verify-texts.js';
import { webPrimitives } from './web-primitives.js';

/**
 * Verifies the receipt of an erasure, in a browser: `import { verifyReceipt } from 'lethe/receipt'`.
 * Throws as `verifyTexts` does.
 */
export async function verifyReceipt(texts: ReceiptTexts): Promise<ReceiptReport> {
  return await verifyTexts(webPrimitives, texts);
}
