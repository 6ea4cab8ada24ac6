const LIMIT = 300;
const CUT = '[cut]';

/** What identifies people or opens doors, by form. */
const IDENTIFYING = [
  /[^\s"'<>]+@[^\s"'<>]+/g,
  /\b[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}\b/gi,
  /\b(?:https?|mongodb(?:\+srv)?):\/\/\S+/gi,
  // Keys, tokens, signatures, embeddings: a long run with a digit in it.
  /(?=[A-Za-z0-9_+=-]*\d)[A-Za-z0-9_+=-]{24,}/g,
  /\d{7,}/g,
];

/** A sentence for the log, one line, short, with everything that looks like an identifier cut out. */
export function scrub(text: string): string {
  const line = text.slice(0, 4 * LIMIT).replace(/[\p{Cc}\u2028\u2029]+/gu, ' ');
  const cut = IDENTIFYING.reduce((scrubbed, pattern) => scrubbed.replace(pattern, CUT), line);
  return cut.slice(0, LIMIT);
}
