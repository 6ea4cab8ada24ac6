import type { ReceiptClaims } from '../audit/offline/receipt-claims.js';
import { element } from './page.js';

type Fact = readonly [name: string, value: string];

/** Shows below the verdict what a valid receipt says, and what of it was proven. */
export function showReport(report: {
  readonly claims: ReceiptClaims;
  readonly proven: readonly string[];
  readonly notProven: readonly string[];
}): void {
  const place = element('report');
  place.replaceChildren(
    ...section('What was proven', list(report.proven)),
    ...section('What was not proven', list(report.notProven)),
    ...section('What the receipt says', definitions(factsOf(report.claims))),
  );
  place.hidden = false;
}

export function clearReport(): void {
  const place = element('report');
  place.hidden = true;
  place.replaceChildren();
}

function factsOf(claims: ReceiptClaims): readonly Fact[] {
  const { scope } = claims;
  return [
    ['Person', claims.sub],
    ['Deleted at', timeText(claims.iat)],
    ['Operator', claims.iss],
    ['Tenant', claims.aud],
    ['Template keys destroyed', scope.templates.toString()],
    ['Earlier sessions forgotten', scope.sessions.toString()],
    ['Stored webhooks removed', scope.webhooks.toString()],
    ...optional('Copy in escrow until', claims.irrecoverableBy, timeText),
    ...optional('Transaction', claims.txn),
    ...optional('Audit tag', claims.auditTag),
    ...optional('Session', claims.sid),
    ['Erasure', claims.jti],
  ];
}

function optional<T>(
  name: string,
  value: T | undefined,
  words: (value: T) => string = String,
): readonly Fact[] {
  return value === undefined ? [] : [[name, words(value)]];
}

/** In UTC, so that two people who compare what they see read the same. */
function timeText(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
}

function section(title: string, content: HTMLElement): readonly HTMLElement[] {
  return [withText('h2', title), content];
}

function list(sentences: readonly string[]): HTMLElement {
  const items = document.createElement('ul');
  items.append(...sentences.map((sentence) => withText('li', sentence)));
  return items;
}

function definitions(facts: readonly Fact[]): HTMLElement {
  const terms = document.createElement('dl');
  terms.append(...facts.flatMap(([name, value]) => [withText('dt', name), withText('dd', value)]));
  return terms;
}

function withText(name: string, text: string): HTMLElement {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}
