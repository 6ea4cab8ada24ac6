import { isOpen, type Session } from '../sessions/session.js';
import { launchWords } from './launch-words.js';

/** The page of a session: who asks, what for, what is kept; `src/web/launch.ts` does the rest. */
export function launchPage(page: {
  session: Session;
  displayName: string;
  isPickerShown: boolean;
}): string {
  const { session } = page;
  const words = launchWords(session);
  const name = `<bdi>${escaped(page.displayName)}</bdi>`;
  const who = `<p id="who"><strong>${name}</strong> ${words.who}</p>`;
  const what = `<p id="what">${words.what}</p>`;
  return document({
    title: words.title,
    attributes: `data-session-id="${escaped(session.sessionId)}" data-status="${session.state}"`,
    content: `${isOpen(session) ? who + what : what + who}
${words.kept === undefined ? '' : `<h2>What is kept</h2>\n<p id="kept">${words.kept}</p>`}
${isOpen(session) ? capture(session, page.isPickerShown) : ''}
<p id="state" role="status"></p>
<a id="return" class="button" href="/launch/${escaped(session.sessionId)}/return"${isOpen(session) ? ' hidden' : ''}>Continue to ${name}</a>`,
  });
}

export function unknownSessionPage(): string {
  return document({
    title: 'This link is not valid',
    attributes: '',
    content: `<p id="what">It was mistyped, or what it led to is no longer kept.</p>
<p>Please go back to where you found it and ask for a new one.</p>`,
  });
}

function capture({ type }: Session, isPickerShown: boolean): string {
  if (type === 'DELETE') return '';
  if (isPickerShown) return PICKER;
  return '<p id="elsewhere">Please continue in the app that sent you here. This page goes on by itself when you are done.</p>';
}

/** Stands where the camera will be: a file or a text with an embedding, for development only. */
const PICKER = `<form id="picker" hidden>
<p class="development">Development mode: choose a template instead of showing your face.</p>
<label for="file">Template from a JSON file</label>
<input type="file" id="file" accept=".json,application/json">
<label for="text">Template as text</label>
<textarea id="text" rows="5" required spellcheck="false" autocapitalize="off" autocomplete="off" aria-describedby="state" placeholder='{"model":"dlib-resnet-v1","embedding":"base64 of 128 float32"}'></textarea>
<button type="submit" id="send">Send</button>
</form>
<noscript><p>This page needs JavaScript to encrypt what it sends. Please allow it and load the page again.</p></noscript>`;

function document(page: { title: string; attributes: string; content: string }): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
<title>${page.title}</title>
<link rel="icon" href="/launch-assets/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/launch-assets/launch.css">
<script type="module" src="/launch-assets/launch.js"></script>
</head>
<body ${page.attributes}>
<main>
<h1>${page.title}</h1>
${page.content}
</main>
</body>
</html>
`;
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}
