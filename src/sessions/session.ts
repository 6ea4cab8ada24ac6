/** What a session does, in the canonical spelling. */
export type OperationType = 'ENROLL' | 'VERIFY' | 'SIGN-IN' | 'DELETE';

/** CREATED and IN_PROGRESS are open; a session leaves them once and never returns. */
export type SessionState = 'CREATED' | 'IN_PROGRESS' | EndState;
export type EndState = 'SUCCESS' | 'FAILED' | 'EXPIRED' | 'CANCELED';

/** One run of an operation. */
export interface Session {
  readonly sessionId: string;
  readonly tenantId: string;
  readonly clientId: string;
  readonly type: OperationType;
  /** `type` as the integrator spelled it, echoed in answers. */
  readonly spelledType: string;
  readonly state: SessionState;
  /** The subject that the operation is about; absent when not known yet, when forgotten, and in a DELETE. */
  readonly uuid?: string;
  /** The erasure that a DELETE session asked for. */
  readonly erasureId?: string;
  readonly redirectURL: string;
  /** Where the browser goes instead when the session fails (older dialect of the contract). */
  readonly failureUrl?: string;
  readonly auditTag?: string;
  readonly transactionID?: string;
  /** Which events the callback gets: all, or the last one alone. */
  readonly sentEvents: 'all' | 'last';
  /** Origin of the callback's URL: all of it that is kept in clear, because paths and queries hold tokens. */
  readonly callbackOrigin: string;
  /** JSON of the integrator's `callback` {url, headers}, sealed for this session and the day of its creation. */
  readonly sealedCallback: Uint8Array;
  /** The challenge: 32 random bytes, base64url; accepted once, until the session ends. */
  readonly nonce: string;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  readonly endedAtMs?: number;
}

export function isOpen(session: Session): boolean {
  return session.state === 'CREATED' || session.state === 'IN_PROGRESS';
}
