import { encryptTemplate } from './encrypt.js';
import { element, say } from './page.js';
import { showPicker } from './picker.js';
import { hasEnded, readSession, type SessionState, submitTemplate } from './session-api.js';

/** How late the page notices that the session ended elsewhere. */
const LOOK_MS = 2_000;
/** Time to read why a session is over. */
const READING_MS = 4_000;

const { sessionId, status } = document.body.dataset;
let isLeaving = false;

function start(id: string): void {
  if (hasEnded(status)) {
    say('You are being sent back in a few seconds.');
    window.setTimeout(goBack, READING_MS);
    return;
  }
  const form = document.querySelector<HTMLFormElement>('#picker');
  if (form !== null) showPicker(form, (template) => send(id, template));
  void watch(id);
}

/** Sends what was picked, encrypted for this service and this session. */
async function send(id: string, template: object): Promise<void> {
  const session = await readSession(id);
  if (session.challenge === undefined) {
    leave(session.status);
    return;
  }
  const encrypted = await encryptTemplate(
    { ...template, nonce: session.challenge.nonce },
    { sessionId: id, publicKeyPem: session.publicKey },
  );
  const result = await submitTemplate(session, encrypted);
  leave(result.status);
}

/** Sees an end that came from an app, the integrator or the clock. */
async function watch(id: string): Promise<void> {
  while (!isLeaving) {
    await new Promise((resolve) => window.setTimeout(resolve, LOOK_MS));
    const session = await readSession(id).catch(() => undefined);
    if (session !== undefined && hasEnded(session.status)) leave(session.status);
  }
}

/** After a success the person is expected elsewhere; everything else the page explains first. */
function leave(state: SessionState): void {
  if (isLeaving) return;
  isLeaving = true;
  if (state === 'SUCCESS') goBack();
  else window.location.reload();
}

/** The way back waits for the integrator's webhook. It takes the place of this page in the history. */
function goBack(): void {
  say('You are being sent back.');
  const form = document.querySelector<HTMLFormElement>('#picker');
  if (form !== null) form.hidden = true;
  const link = element<HTMLAnchorElement>('return');
  link.hidden = false;
  link.focus();
  window.location.replace(link.href);
}

if (sessionId !== undefined) start(sessionId);
