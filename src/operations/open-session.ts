import { randomBytes } from 'node:crypto';
import type { Principal } from '../access/authenticate.js';
import { newEntry, type ReviewDetails } from '../audit/reviews/record.js';
import { acceptRedirect } from '../callbacks/address-policy.js';
import { acceptCallback, type Callback, sealCallback } from '../callbacks/callback.js';
import { base64url } from '../lib/bytes.js';
import { isoTime, SECOND_MS } from '../lib/clock.js';
import { randomId } from '../lib/ids.js';
import type { DeviceInfo, SessionCreated, SessionRequest } from '../lib/messages.js';
import type { OperationType, Session } from '../sessions/session.js';
import type { Answer, Remember } from './answer.js';
import type { OperationDeps } from './deps.js';
import type { Stores } from './unit-of-work.js';

const DEFAULT_EXPIRY_SECONDS = 600;
const NONCE_BYTES = 32;

/** POST /v2/verification-session after validation and authentication. */
export interface CreateRequest<Body extends SessionRequest = SessionRequest> {
  readonly principal: Principal;
  readonly body: Body;
  /** `type` as the integrator spelled it. */
  readonly spelledType: string;
  readonly remember: Remember;
  /** What the client says of the person's device; kept in the review record of a DELETE alone. */
  readonly deviceInfo?: DeviceInfo | undefined;
}

/** A session as the request asks for it, not stored yet. Throws on a forbidden callback or redirect. */
export async function newSession(
  deps: OperationDeps,
  request: CreateRequest,
  type: OperationType,
): Promise<Session> {
  const { principal, body, spelledType } = request;
  const callback = await acceptAddresses(deps, request);
  const sessionId = randomId();
  const createdAtMs = deps.clock.nowMs();
  return {
    sessionId,
    tenantId: principal.tenantId,
    clientId: principal.clientId,
    type,
    spelledType,
    state: 'CREATED',
    redirectURL: body.redirectURL,
    sentEvents: body.sendEventWebhooks === true && type !== 'DELETE' ? 'all' : 'last',
    callbackOrigin: new URL(callback.url).origin,
    sealedCallback: sealCallback(deps.daySeals, { sessionId, callback, atMs: createdAtMs }),
    nonce: base64url(randomBytes(NONCE_BYTES)),
    createdAtMs,
    expiresAtMs: createdAtMs + (body.sessionExpiry ?? DEFAULT_EXPIRY_SECONDS) * SECOND_MS,
    ...(body.failureUrl !== undefined && { failureUrl: body.failureUrl }),
    ...(body.auditTag !== undefined && { auditTag: body.auditTag }),
    ...(body.transactionID !== undefined && { transactionID: body.transactionID }),
  };
}

/** Callback and redirects are judged by the service's rules and by the lists of the tenant. */
async function acceptAddresses(
  { addressPolicy: policy, store }: OperationDeps,
  { principal, body }: CreateRequest,
): Promise<Callback> {
  const tenant = await store.access.findTenant(principal.tenantId);
  const { callbackHosts = [], redirectHosts = [] } = tenant ?? {};
  const callback = acceptCallback({ policy, hosts: callbackHosts }, body.callback);
  const allowed = { policy, hosts: redirectHosts };
  acceptRedirect(allowed, { url: body.redirectURL, pointer: '/redirectURL' });
  if (body.failureUrl !== undefined)
    acceptRedirect(allowed, { url: body.failureUrl, pointer: '/failureUrl' });
  return callback;
}

/** Stores a session that a person will complete, and answers with the page where they do. */
export async function openSession(
  deps: OperationDeps,
  request: CreateRequest,
  session: Session,
): Promise<Answer> {
  const answer = createdAnswer(deps, session);
  await deps.store.transaction(async (stores) => {
    await storeSession(deps, stores, session);
    await request.remember(stores, answer);
  });
  deps.watch.sessionCreated({ type: session.type, tenantId: session.tenantId });
  return answer;
}

/**
 * The session and its audit entry, in the caller's transaction. The entry does not name the session:
 * whoever knows the id of an open session may act in it.
 */
export async function storeSession(
  deps: OperationDeps,
  stores: Stores,
  session: Session,
  details: ReviewDetails = {},
): Promise<void> {
  const { tenantId, clientId } = session;
  await stores.sessions.insert(session);
  const created = { op: session.type, outcome: 'created', tenantId, clientId, ...details } as const;
  await stores.audit.append(newEntry(deps, created));
}

export function launchUrl(deps: OperationDeps, sessionId: string): string {
  return `${deps.publicUrl}/launch/${sessionId}`;
}

function createdAnswer(deps: OperationDeps, session: Session): Answer {
  const body: SessionCreated = {
    message: 'Success!',
    status: 'success',
    sessionId: session.sessionId,
    type: session.spelledType,
    launchUrl: launchUrl(deps, session.sessionId),
    expiresAt: isoTime(session.expiresAtMs),
  };
  return { status: 201, body };
}
