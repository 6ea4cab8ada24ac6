import { verifyReceipt } from '../audit/offline/verify-receipt.js';
import { webPrimitives } from '../audit/offline/web-primitives.js';
import { element, say, sayProblem } from './page.js';
import { type Entries, readEntries } from './verify-entries.js';
import { EntryProblem, pointTo, takeFiles, unmarkFields } from './verify-fields.js';
import { clearReport, showReport } from './verify-report.js';
import { missingAbility } from './verify-support.js';

/** What this page adds to what a receipt cannot prove. */
const KEY_FROM_OPERATOR =
  'That the key of the log is the right one: it came from the operator, with this page. Compare it with one that you got from somebody else.';
const NOBODY_EXPECTED =
  'That the receipt is about the person whom you mean: you did not enter whom you expect.';

/** Counts checks and changes, so that no verdict appears beside entries that it is not about. */
let changes = 0;

async function start(): Promise<void> {
  const lack = await missingAbility();
  if (lack !== undefined) {
    sayProblem(lack);
    return;
  }
  const form = element<HTMLFormElement>('check');
  takeFiles(forget);
  form.addEventListener('input', forget);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void check();
  });
  form.hidden = false;
}

/** Takes the verdict back. */
function forget(): void {
  changes += 1;
  unmarkFields();
  say('');
  clearReport();
}

async function check(): Promise<void> {
  forget();
  const began = changes;
  const show = await examine().catch((error: unknown) => () => showFailure(error));
  if (began === changes) show();
}

/** Checks what was entered; what is returned shows the verdict. */
async function examine(): Promise<() => void> {
  const entries = await readEntries();
  const report = await verifyReceipt(webPrimitives, entries);
  const { isValid, claims, sentence = '', proven } = report;
  if (!isValid || claims === undefined)
    return () => {
      sayProblem(`The receipt is not valid. ${sentence}`);
      scrollToVerdict();
    };
  const notProven = [...report.notProven, ...leftOpenBy(entries)];
  return () => {
    say('The receipt is valid.');
    element('state').className = 'good';
    showReport({ claims, proven, notProven });
    scrollToVerdict();
  };
}

function leftOpenBy({ areKeysFromService, subject }: Entries): readonly string[] {
  return [
    ...(subject === undefined ? [NOBODY_EXPECTED] : []),
    ...(areKeysFromService ? [KEY_FROM_OPERATOR] : []),
  ];
}

function showFailure(error: unknown): void {
  if (error instanceof EntryProblem) {
    sayProblem(error.message);
    pointTo(error);
  } else {
    sayProblem(`The receipt could not be checked: ${String(error)}`);
    scrollToVerdict();
  }
}

function scrollToVerdict(): void {
  element('state').scrollIntoView();
}

void start();
