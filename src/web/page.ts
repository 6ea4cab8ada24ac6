/** An element that the page is known to have. */
export function element<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.querySelector<T>(`#${id}`);
  if (found === null) throw new Error(`the page has no ${id}`);
  return found;
}

/** Tells the person, and whoever reads the screen aloud to them. */
export function say(message: string): void {
  show(message, '');
}

/** Tells what went wrong and what to do now. */
export function sayProblem(message: string): void {
  show(message, 'problem');
}

function show(message: string, className: string): void {
  const state = element('state');
  state.textContent = message;
  state.className = className;
}
