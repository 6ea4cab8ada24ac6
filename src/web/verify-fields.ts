import { element, say, sayProblem } from './page.js';

/** Room for the JSON around a receipt, and for a policy of some hundred witnesses. */
const LIMIT_BYTES = 65_536;

/** Fields that take a long text. */
export type TextField = 'receipt' | 'keys' | 'policy';

/** What is wrong with an entry, as a sentence for the person. */
export class EntryProblem extends Error {
  readonly field: TextField;

  constructor(field: TextField, sentence: string) {
    super(sentence);
    this.field = field;
  }
}

/** What was entered into a field. Throws an EntryProblem when it is far too long. */
export function textOf(field: TextField): string {
  const text = element<HTMLTextAreaElement>(field).value;
  if (text.length > LIMIT_BYTES)
    throw new EntryProblem(field, `This text has ${sizeWords(text.length)}. It was not checked.`);
  return text;
}

/**
 * Takes files that are chosen, and files that are dropped: at a field into this field, elsewhere into
 * that of the receipt. `forget` is called whenever a field is about to get another text.
 */
export function takeFiles(forget: () => void): void {
  for (const field of ['receipt', 'policy'] as const) {
    const input = element<HTMLInputElement>(`${field}-file`);
    input.addEventListener('change', () => {
      const file = input.files?.[0];
      if (file === undefined) return;
      void take(file, { field, forget });
      // So that no name of a file stays beside a text that was edited since.
      input.value = '';
    });
  }
  document.addEventListener('dragover', (event) => {
    if (event.dataTransfer?.types.includes('Files') === true) event.preventDefault();
  });
  document.addEventListener('drop', (event) => {
    const file = event.dataTransfer?.files[0];
    if (file === undefined) return;
    // Else the browser would leave the page and show the file.
    event.preventDefault();
    void take(file, { field: fieldAt(event.target), forget });
  });
}

async function take(
  file: File,
  { field, forget }: { field: TextField; forget: () => void },
): Promise<void> {
  const text = opened(field);
  forget();
  text.value = '';
  if (file.size > LIMIT_BYTES) {
    sayProblem(`The file ${file.name} has ${sizeWords(file.size)}. It was not read.`);
    return;
  }
  try {
    const content = await file.text();
    // A check that began meanwhile did not see this content.
    forget();
    text.value = content;
    say(`The file ${file.name} was read.`);
  } catch {
    sayProblem(`The file ${file.name} could not be read.`);
  }
}

/** Leads the person to the field that a problem is about, and shows it there too. */
export function pointTo({ field, message }: EntryProblem): void {
  const text = opened(field);
  text.setAttribute('aria-invalid', 'true');
  text.setCustomValidity(message);
  text.reportValidity();
}

/** Undoes {@link pointTo}: while a field is marked, the form cannot be sent. */
export function unmarkFields(): void {
  for (const text of document.querySelectorAll<HTMLTextAreaElement>('[aria-invalid]')) {
    text.removeAttribute('aria-invalid');
    text.setCustomValidity('');
  }
}

/** The field, with what folds it away unfolded: else it could not be seen or focused. */
function opened(field: TextField): HTMLTextAreaElement {
  const text = element<HTMLTextAreaElement>(field);
  text.closest('details')?.setAttribute('open', '');
  return text;
}

function fieldAt(target: EventTarget | null): TextField {
  const place = target instanceof Element ? target.closest('#keys-field, #policy-field') : null;
  if (place === null) return 'receipt';
  return place.id === 'keys-field' ? 'keys' : 'policy';
}

function sizeWords(lengthBytes: number): string {
  const limit = `${LIMIT_BYTES / 1024} KiB are the most that can be checked here`;
  return `${Math.ceil(lengthBytes / 1024)} KiB; ${limit}`;
}
