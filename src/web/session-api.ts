export type SessionState =
  | 'CREATED'
  | 'IN_PROGRESS'
  | 'SUCCESS'
  | 'FAILED'
  | 'EXPIRED'
  | 'CANCELED';

/** What GET /v2/verification-session/{sessionId} tells whoever holds only the id. */
export interface SessionAnswer {
  readonly sessionId: string;
  readonly type: string;
  readonly status: SessionState;
  readonly publicKey: string;
  readonly challenge?: { readonly nonce: string };
}

interface ErrorAnswer {
  readonly message?: string;
  readonly errors?: readonly { readonly pointer: string; readonly message: string }[];
}

const UNREACHABLE = 'The service does not answer. Please check your connection and try again.';

export async function readSession(sessionId: string): Promise<SessionAnswer> {
  return (await call(pathOf(sessionId))) as SessionAnswer;
}

export async function submitTemplate(
  session: SessionAnswer,
  body: object,
): Promise<{ readonly status: SessionState }> {
  const isEnrollment = ['ENROLL', 'REGISTER'].includes(session.type.toUpperCase());
  const answer = await call(
    `${pathOf(session.sessionId)}/${isEnrollment ? 'enroll' : 'verify'}`,
    body,
  );
  return answer as { status: SessionState };
}

export function hasEnded(status: string | undefined): boolean {
  return status !== 'CREATED' && status !== 'IN_PROGRESS';
}

function pathOf(sessionId: string): string {
  return `/v2/verification-session/${encodeURIComponent(sessionId)}`;
}

/** The body of a good answer; everything else as an Error with a sentence for the person. */
async function call(path: string, body?: object): Promise<unknown> {
  const response = await fetch(path, {
    cache: 'no-store',
    ...(body !== undefined && {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    }),
  }).catch(unreachable);
  const answer: unknown = await response.json().catch(unreachable);
  if (!response.ok) throw new Error(sentences(answer as ErrorAnswer));
  return answer;
}

function unreachable(): never {
  throw new Error(UNREACHABLE);
}

function sentences({ message = UNREACHABLE, errors = [] }: ErrorAnswer): string {
  const places = errors.map((error) => `${error.pointer.slice(1)} ${error.message}.`);
  return [message, ...places].join(' ');
}
