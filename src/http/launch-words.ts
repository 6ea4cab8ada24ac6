import type { OperationType, Session } from '../sessions/session.js';
import { isOpen } from '../sessions/session.js';

/** What the launch page says about a session. */
export interface LaunchWords {
  readonly title: string;
  /** Follows the name of the integrator. */
  readonly who: string;
  readonly what: string;
  readonly kept?: string;
}

const MADE_HERE = 'A template, a list of numbers, is computed from your face on this device';
const NOTHING_NEW = 'Nothing new: the template is compared and dropped. No picture is stored.';

const OPEN: Readonly<Record<OperationType, LaunchWords>> = {
  ENROLL: {
    title: 'Register your face',
    who: 'asks you to register your face, to know you again later.',
    what: `${MADE_HERE} and sent encrypted.`,
    kept: 'Only the template, encrypted under a key of its own, until you or they ask for its deletion. No picture is stored.',
  },
  VERIFY: {
    title: 'Confirm that it is you',
    who: 'asks you to confirm that it is you.',
    what: `${MADE_HERE}, sent encrypted and compared with the one that you registered.`,
    kept: NOTHING_NEW,
  },
  'SIGN-IN': {
    title: 'Sign in with your face',
    who: 'asks you to sign in with your face.',
    what: `${MADE_HERE}, sent encrypted and compared with those that are registered with them.`,
    kept: NOTHING_NEW,
  },
  DELETE: {
    title: 'Your face data is being deleted',
    who: 'asked for the deletion of your face data.',
    what: 'The key of your face template is being destroyed. This page goes on by itself.',
  },
};

const DONE: Readonly<Record<OperationType, LaunchWords>> = {
  ENROLL: {
    title: 'Your face is registered',
    who: 'asked for this.',
    what: 'This link was used and cannot be used again.',
  },
  VERIFY: {
    title: 'You are confirmed',
    who: 'asked for this.',
    what: 'This link was used and cannot be used again.',
  },
  'SIGN-IN': {
    title: 'You were recognised',
    who: 'asked for this.',
    what: 'This link was used and cannot be used again.',
  },
  DELETE: {
    title: 'Your face data was deleted',
    who: 'asked for this.',
    what: 'The key of your face template was destroyed. The template cannot be restored.',
  },
};

const NOT_DONE: Readonly<Record<'FAILED' | 'EXPIRED' | 'CANCELED', LaunchWords>> = {
  FAILED: {
    title: 'This did not work',
    who: 'can offer you another try.',
    what: 'This link was used and cannot be used again.',
  },
  EXPIRED: {
    title: 'This link has expired',
    who: 'can send you a new one.',
    what: 'Its time ran out before it was used. Nothing about your face was kept.',
  },
  CANCELED: {
    title: 'This was canceled',
    who: 'can send you a new link.',
    what: 'It was ended before it was completed. Nothing about your face was kept.',
  },
};

export function launchWords(session: Session): LaunchWords {
  if (isOpen(session)) return OPEN[session.type];
  const { state } = session;
  return state === 'FAILED' || state === 'EXPIRED' || state === 'CANCELED'
    ? NOT_DONE[state]
    : DONE[session.type];
}
