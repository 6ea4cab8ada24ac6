import { element, say, sayProblem } from './page.js';

/** Shows the form where the camera will be; `send` gets the template that was picked. */
export function showPicker(form: HTMLFormElement, send: (template: object) => Promise<void>): void {
  const file = element<HTMLInputElement>('file');
  const text = element<HTMLTextAreaElement>('text');
  const button = element<HTMLButtonElement>('send');

  async function submit(): Promise<void> {
    if (button.disabled) return;
    button.disabled = true;
    text.removeAttribute('aria-invalid');
    say('Sending…');
    try {
      await send(parseTemplate(text.value));
    } catch (error) {
      sayProblem(error instanceof Error ? error.message : String(error));
      text.setAttribute('aria-invalid', 'true');
      button.disabled = false;
      text.focus();
    }
  }

  // The text is the one place of what will be sent, wherever it came from.
  file.addEventListener('change', () => {
    file.files?.[0]?.text().then(
      (content) => {
        text.value = content;
        say('');
      },
      () => sayProblem('This file could not be read.'),
    );
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void submit();
  });
  form.hidden = false;
}

function parseTemplate(text: string): object {
  let template: unknown;
  try {
    template = JSON.parse(text);
  } catch {
    throw new Error('This is not valid JSON. Nothing was sent; please correct it and try again.');
  }
  if (typeof template !== 'object' || template === null || Array.isArray(template))
    throw new Error('This is not a JSON object with "model" and "embedding". Nothing was sent.');
  return template;
}
