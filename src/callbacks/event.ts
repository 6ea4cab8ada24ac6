import type { Session } from '../sessions/session.js';

/** How a session ended, as far as it concerns the integrator. */
export interface SessionOutcome {
  /** The session after it ended. */
  readonly session: Session;
  readonly status: 'SUCCESS' | 'FAILED';
  readonly message: string;
  /** Codes are numbers of the public contract's error table; empty on success. */
  readonly errors: readonly { readonly code: number; readonly message: string }[];
  readonly identificationResult?: IdentificationResult;
}

/** What was found out about the subject. */
export interface IdentificationResult {
  readonly uuid?: string;
  readonly status:
    | 'enrolled'
    | 'verified'
    | 'not_verified'
    | 'identified'
    | 'not_identified'
    | 'deleted';
  /** Cosine similarity, where templates were compared. */
  readonly confidence?: number;
  readonly topKMatches?: readonly { readonly uuid: string; readonly confidence: number }[];
}

/** The webhook of a session in which the person has begun: an extension, for those who ask for it. */
export function sessionStartedBody(session: Session): object {
  return {
    sessionId: session.sessionId,
    event: 'session.started',
    status: 'IN_PROGRESS',
    type: session.spelledType,
    ...(session.transactionID === undefined ? {} : { transactionID: session.transactionID }),
  };
}

/**
 * A webhook that tries a receiver. It is of no session: `sessionId` is an id that names none. It has no
 * `errors`, because some receivers take an empty list for success.
 */
export function testBody(sessionId: string): object {
  return {
    sessionId,
    event: 'webhook.test',
    status: 'TEST',
    type: 'TEST',
    message: 'A test of your receiver; no session is behind it.',
  };
}

/**
 * The webhook of an ended session: the members of the public contract in its order, then `type`,
 * `transactionID` and `identificationResult`.
 *
 * `puid` and `guid` are the subject's uuid, absent when it is not known. Contact data, documents
 * and images are never captured: their members are empty. Signs of an automated browser and of risk
 * are not evaluated: their members say so with `evaluated: false`, and mean nothing else.
 */
export function sessionEndedBody(outcome: SessionOutcome): object {
  const { session, identificationResult } = outcome;
  return {
    sessionId: session.sessionId,
    status: outcome.status,
    ...(session.uuid === undefined ? {} : { puid: session.uuid, guid: session.uuid }),
    identityInformation: {
      documentType: '',
      verificationDate: (session.endedAtMs ?? session.expiresAtMs).toString(),
    },
    contactInformation: { email: '', phone: '' },
    message: outcome.message,
    errors: outcome.errors.map(({ code, message }) => ({ code, message })),
    images: [],
    indicators: INDICATORS_NOT_EVALUATED,
    riskEvaluation: RISK_NOT_EVALUATED,
    type: session.spelledType,
    ...(session.transactionID === undefined ? {} : { transactionID: session.transactionID }),
    ...(identificationResult === undefined
      ? {}
      : { identificationResult: withAuditTag(session, identificationResult) }),
  };
}

function withAuditTag(session: Session, { uuid, ...rest }: IdentificationResult): object {
  return {
    ...(uuid === undefined ? {} : { uuid }),
    ...(session.auditTag === undefined ? {} : { auditTag: session.auditTag }),
    ...rest,
  };
}

const INDICATORS_NOT_EVALUATED = {
  evaluated: false,
  headless: {
    webdriver: false,
    userAgent: false,
    webGL: false,
    phantom: false,
    selenium: false,
    chrome: false,
    permissions: false,
    plugins: false,
    languages: false,
    webRTC: false,
    notification: false,
    deviceMemory: false,
    connectionType: false,
    timing: false,
  },
  virtualCamera: {
    virtualCameraSoftware: false,
    suspiciousLabels: false,
    noMediaDevices: false,
    mediaDevicesError: false,
  },
  browserAnomalies: {
    missingWebAPIs: false,
    inconsistentFingerprint: false,
    automationProperties: false,
  },
};

/** No level or recommendation of the contract: those would be a judgement. */
const RISK_NOT_EVALUATED = {
  evaluated: false,
  score: 0,
  level: 'NOT_EVALUATED',
  recommendation: 'NOT_EVALUATED',
  flags: [],
  signals: { behavioral: null, browser: { score: 0, flags: [] } },
};
