// Generated from schemas/ by `npm run gen`. Do not edit: change the schema, then generate again.

/**
 * Name of a person within a tenant: 1 to 128 of A-Z a-z 0-9 . _ -
 */
export type SubjectId = string;
/**
 * An address as the caller wrote it: no space, control character or direction override. What it may point to is decided beyond this schema.
 */
export type WebAddress = string;
/**
 * Random UUID of a session; whoever knows it may act inside the session.
 */
export type SessionId = string;
/**
 * Erases the subject uuid irrevocably; the target is always explicit. puid and customerId are accepted as uuid.
 */
export type DeleteRequest = SessionRequest & {
  type: 'DELETE';
  uuid: SubjectId;
};
/**
 * Short text that is safe in logs and pages: letters and digits of every script, space and - _ . : / @ + # ( )
 */
export type SafeText = string;
/**
 * One line of text without control characters and direction overrides.
 */
export type DeviceText = string;
/**
 * Proof of an erasure: a compact JWS (typ erasure-receipt+jws, EdDSA) whose claims hold a proof that the erasure stands in the log. Anybody can check it offline with the key of the log.
 */
export type Receipt = string;
/**
 * Enrols a person under uuid, or under a generated one when it is absent. REGISTER is accepted as type; puid and customerId as uuid.
 */
export type EnrollRequest = SessionRequest & {
  type: 'ENROLL';
  uuid?: SubjectId;
};
/**
 * 32 bytes in base64url.
 */
export type LogHash = string;
/**
 * @minItems 1
 * @maxItems 16
 */
export type LogHashes = LogHash[];
/**
 * The operation in the spelling of the request that created the session.
 */
export type SpelledType = string;
/**
 * State of a session; the last four are final.
 */
export type SessionStatus =
  | 'CREATED'
  | 'IN_PROGRESS'
  | 'SUCCESS'
  | 'FAILED'
  | 'EXPIRED'
  | 'CANCELED';
/**
 * Finds out who a person is among all subjects of the tenant; uuid is without effect. SIGN_IN and SIGNIN are accepted as type.
 */
export type SignInRequest = SessionRequest & {
  type: 'SIGN-IN';
  uuid?: SubjectId;
};
/**
 * Compares a person with the enrolment of uuid. VERIFY_ULTRA is accepted as type and takes customerId as the subject; puid and customerId are accepted as uuid.
 */
export type VerifyRequest = SessionRequest & {
  type: 'VERIFY';
  uuid: SubjectId;
};

/**
 * The data arrived; it was not kept.
 */
export interface AcceptedResponse {
  success: true;
}
/**
 * Whether there is a usable template, as a signed statement. Who never enrolled and who was erased are alike.
 */
export interface BiometricStatus {
  uuid: SubjectId;
  status: 'no_usable_template' | 'template_present';
  asOf: string;
  /**
   * Leaves in the log as of then.
   */
  logSize: number;
  /**
   * Compact JWS (typ biometric-status+jws, EdDSA, key of the log) over iss, aud, sub, iat, status and log {origin, size, checkpoint}.
   */
  statement: string;
}
/**
 * Where the webhook goes: https, and no private address. Unknown members are refused.
 */
export interface Callback {
  url: WebAddress;
  /**
   * Headers sent along with the webhook, for example authorization: visible ASCII.
   */
  headers?: {
    [k: string]: string;
  };
}
/**
 * Answer to a cancellation.
 */
export interface CancelResponse {
  message: 'Session canceled';
  status: 'success';
  sessionId: SessionId;
}
/**
 * Single-use proof that a capture was made for this session.
 */
export interface Challenge {
  /**
   * Sent back with the template, once.
   */
  nonce: string;
  /**
   * From this time on the nonce is refused.
   */
  expiresAt: string;
}
/**
 * Device data of the public clients, encrypted by their own parameters. It is dropped unread.
 */
export interface CollectRequest {
  encryptedKey: string;
  encryptedMessage: string;
  iv: string;
  gcmTag: string;
  gcmAad: string;
}
/**
 * What the requests of every operation share; unknown members are ignored. The browser goes to redirectURL at the end (redirectUrl and successUrl are accepted as well), or to failureUrl after a failure where the older dialect gives one. customerId is the integrator's own name for the person and names the subject when neither uuid nor puid is given. transactionID is the integrator's own reference. auditTag is a category that answer and webhook repeat. productGroupId is accepted and without effect.
 */
export interface SessionRequest {
  redirectURL: WebAddress;
  failureUrl?: WebAddress;
  callback: Callback;
  customerId?: SubjectId;
  transactionID?: SafeText;
  deviceInfo?: DeviceInfo;
  auditTag?: SafeText;
  /**
   * Life of the session in seconds; 600 when absent.
   */
  sessionExpiry?: number;
  /**
   * Adds detail to the log of the service; never to answers.
   */
  debugMode?: boolean;
  /**
   * Language of the launch page, such as en-US.
   */
  locale?: string;
  /**
   * Whether the launch page may be used on a desktop computer.
   */
  enableDesktop?: boolean;
  /**
   * Accepted and without effect: images are never kept, so none can be sent.
   */
  sendImages?: boolean;
  /**
   * Whether a webhook session.started is sent too, when the person has begun. It comes before the final one or not at all.
   */
  sendEventWebhooks?: boolean;
  /**
   * What the session shall capture; only face is captured.
   *
   * @maxItems 8
   */
  requirements?: ('face' | 'identity_document' | 'verification')[];
  productGroupId?: SubjectId;
}
/**
 * What the client says about the device (os, model, resolution): at most 20 flat members.
 */
export interface DeviceInfo {
  os?: DeviceText;
  model?: DeviceText;
  resolution?: DeviceText;
  [k: string]: string | number | boolean | undefined;
}
/**
 * Answer to DELETE: the erasure has happened. Extensions add members, never change these.
 */
export interface DeleteResponse {
  message: 'Success!';
  status: 'success';
  sessionId: SessionId;
  identificationResult: {
    uuid: SubjectId;
    auditTag?: SafeText;
    status: 'deleted';
  };
  /**
   * Extension: only while the operator keeps a copy of an earlier root in escrow, the time at which it expires; whoever has that copy and a backup could open the template until then.
   */
  irrecoverableBy?: string;
  receipt?: Receipt;
}
/**
 * What became of one webhook. Paths, headers and bodies are not told.
 */
export interface DeliveryView {
  deliveryId: SessionId;
  sessionId: SessionId;
  event: 'session.started' | 'session.ended' | 'webhook.test';
  /**
   * Scheme, host and port of the callback.
   */
  origin: string;
  /**
   * superseded: the session ended before the event could be delivered.
   */
  state: 'pending' | 'delivered' | 'failed' | 'superseded';
  /**
   * Since it was enqueued or replayed.
   */
  attempts: number;
  createdAt: string;
  /**
   * Of a pending one: when it is tried next.
   */
  dueAt?: string;
  endedAt?: string;
  /**
   * HTTP status or error code of the last attempt.
   */
  lastOutcome?: string;
  /**
   * Its destination is paused or disabled: it is not tried until that is over.
   */
  isHeld?: true;
  /**
   * The newest attempts, oldest first; only where one delivery is asked for.
   *
   * @maxItems 50
   */
  attemptLog?: AttemptView[];
}
export interface AttemptView {
  at: string;
  durationMs: number;
  outcome: string;
}
/**
 * Webhooks of a tenant, newest first.
 */
export interface DeliveryList {
  /**
   * @maxItems 100
   */
  items: DeliveryView[];
  next?: SessionId;
}
/**
 * Which webhooks are asked for.
 */
export interface DeliveryQuery {
  /**
   * From 1 to 100; 50 when absent.
   */
  limit?: string;
  before?: SessionId;
  state?: 'pending' | 'delivered' | 'failed' | 'superseded';
  sessionId?: SessionId;
  /**
   * Scheme, host and port of the callback.
   */
  origin?: string;
  /**
   * Created at this time or later.
   */
  from?: string;
  /**
   * Created before this time.
   */
  until?: string;
}
/**
 * An origin to which the webhooks of a tenant do not go as they should.
 */
export interface DestinationView {
  /**
   * Scheme, host and port of the callback.
   */
  origin: string;
  state: 'failing' | 'paused' | 'disabled';
  failingSince: string;
  lastFailureAt: string;
  lastOutcome: string;
  failures: number;
  pausedUntil?: string;
  disabledAt?: string;
  /**
   * GONE: it answered 410. FAILING: nothing could be delivered for 5 days.
   */
  disabledBecause?: 'GONE' | 'FAILING';
}
/**
 * The destinations of a tenant that fail, are paused or are disabled; one that works is not listed.
 */
export interface DestinationList {
  items: DestinationView[];
}
/**
 * Which destination gets webhooks again.
 */
export interface EnableRequest {
  /**
   * Scheme, host and port of the callback.
   */
  origin: string;
}
/**
 * The destination has no history of failures any more; what was held is sent now.
 */
export interface EnableResponse {
  /**
   * Scheme, host and port of the callback.
   */
  origin: string;
  status: 'enabled';
}
/**
 * A template request in encrypted form: the UTF-8 JSON of {embedding, model, nonce} under AES-256-GCM, its key under RSA-OAEP with SHA-256 (also as MGF1 hash, empty label). All five members are standard base64 with padding. The parameters are an extension: the public contract does not name them.
 */
export interface EncryptedRequest {
  /**
   * RSA-OAEP-256 ciphertext of the 32-byte AES key, made with the key of GET /public-key.
   */
  encryptedKey: string;
  /**
   * AES-256-GCM ciphertext without the tag.
   */
  encryptedMessage: string;
  /**
   * The 12-byte nonce of AES-GCM; fresh for every message.
   */
  iv: string;
  /**
   * The 16-byte tag of AES-GCM.
   */
  gcmTag: string;
  /**
   * The additional data of AES-GCM: the UTF-8 bytes of the session id in the path.
   */
  gcmAad: string;
}
/**
 * Every error answer.
 */
export interface ErrorAnswer {
  status: 'error';
  /**
   * A sentence for people; it never holds a value of the request.
   */
  message: string;
  /**
   * Numbers of the error table of the public contract.
   */
  errorCodes: number[];
  /**
   * Stable name of the error; switch on this.
   */
  code: string;
  /**
   * Name of this request in the log of the service.
   */
  requestId: string;
  /**
   * The places that are wrong, for a body that does not fit its schema.
   *
   * @maxItems 10
   */
  errors?: {
    /**
     * RFC 6901 pointer into the body; empty for the body itself.
     */
    pointer: string;
    /**
     * What is wrong there, without the value.
     */
    message: string;
  }[];
}
/**
 * What a person says about the session.
 */
export interface FeedbackRequest {
  /**
   * Free text; it is dropped unread.
   */
  feedback: string;
}
/**
 * Whether the service runs and can do its work.
 */
export interface Health {
  status: 'ok' | 'unavailable';
}
/**
 * Public keys that signatures of this service are checked with (RFC 7517).
 */
export interface Jwks {
  keys: {
    kty: 'OKP';
    crv: 'Ed25519';
    /**
     * The public key, 32 bytes in base64url.
     */
    x: string;
    /**
     * Name of the key.
     */
    kid: string;
    alg: 'EdDSA';
    use: 'sig';
  }[];
}
/**
 * One leaf of the public log. It holds no personal data and names nobody: cm commits to who and what it was about.
 */
export interface LogLeaf {
  /**
   * Version of this form.
   */
  v: 2;
  /**
   * When it happened, in Unix seconds.
   */
  t: number;
  /**
   * ERASURE: a key was destroyed; DELETE: a request for it. RETENTION: a month of review records was destroyed. LOG-KEY: a key of the log came into use.
   */
  op:
    | 'ENROLL'
    | 'VERIFY'
    | 'SIGN-IN'
    | 'DELETE'
    | 'CANCEL'
    | 'EXPIRE'
    | 'AUTHENTICATE'
    | 'TENANT'
    | 'CLIENT'
    | 'WEBHOOK'
    | 'ERASURE'
    | 'RETENTION'
    | 'LOG-KEY';
  outcome: 'created' | 'succeeded' | 'failed' | 'refused';
  /**
   * Error code of a refusal or failure.
   */
  code?: string;
  cm?: LogHash;
  /**
   * ERASURE: the epoch of the root after it.
   */
  epoch?: number;
  rc?: LogHashes;
  dc?: LogHashes;
  key?: LogHash;
}
/**
 * The key that encrypted payloads are made for.
 */
export interface PublicKey {
  /**
   * PEM (SPKI) of an RSA key.
   */
  publicKey: string;
  /**
   * Name of the key.
   */
  kid: string;
  alg: 'RSA-OAEP-256';
}
/**
 * The receipt of an erasure, with the cosignatures of witnesses that came after the DELETE was answered.
 */
export interface ReceiptResponse {
  erasureId: SessionId;
  receipt: Receipt;
}
/**
 * Which webhooks are to be sent again: those that were created in a time.
 */
export interface ReplayRequest {
  /**
   * failed when absent.
   */
  state?: 'failed' | 'delivered';
  /**
   * Scheme, host and port of the callback.
   */
  origin?: string;
  /**
   * Created at this time or later.
   */
  from: string;
  /**
   * Created before this time.
   */
  until: string;
  before?: SessionId;
}
/**
 * What became of each webhook that was asked for, newest first.
 */
export interface ReplayResponse {
  /**
   * @maxItems 100
   */
  items: ReplayItem[];
  next?: SessionId;
}
export interface ReplayItem {
  deliveryId: SessionId;
  /**
   * superseded: a later event of the session went out already. removed: its retention ended, or its subject was erased.
   */
  outcome: 'replayed' | 'superseded' | 'removed';
}
/**
 * The result that a browser brought back, to be redeemed.
 */
export interface ResultRequest {
  /**
   * The parameter result (or lethe_result) of the redirect, as it came.
   */
  result: string;
  /**
   * The challenge of the session, where the caller kept it: the result must hold the same.
   */
  nonce?: string;
  /**
   * Origin of the address that the browser came back to, such as https://your-app.com: the result must be for the same.
   */
  origin?: string;
}
/**
 * What a result said. It was used up by this answer.
 */
export interface ResultResponse {
  sessionId: SessionId;
  /**
   * Outcome of the session, as in the webhook.
   */
  status: 'SUCCESS' | 'FAILED';
  type: SpelledType;
  /**
   * The reason of the redirect.
   */
  reason: 'success' | 'failed' | 'expired' | 'canceled';
  /**
   * The challenge of the session.
   */
  nonce: string;
  /**
   * Origin of the redirect.
   */
  origin: string;
  /**
   * When the browser was sent back.
   */
  issuedAt: string;
}
/**
 * Review records of a tenant, newest first: who asked for what.
 */
export interface ReviewList {
  /**
   * @maxItems 100
   */
  items: ReviewItem[];
  next?: SessionId;
}
export interface ReviewItem {
  entryId: SessionId;
  at: string;
  op: string;
  outcome: string;
  code?: string;
  /**
   * Place in the log; absent for the moment in which it has none yet.
   */
  leafIndex?: number;
  clientId?: string;
  sessionId?: SessionId;
  erasureId?: SessionId;
  deliveryId?: SessionId;
  /**
   * WEBHOOK: where it goes, or what was enabled.
   */
  origin?: string;
  transactionID?: SafeText;
  auditTag?: SafeText;
  deviceInfo?: DeviceInfo;
}
/**
 * Which review records are asked for.
 */
export interface ReviewQuery {
  /**
   * From 1 to 100; 50 when absent.
   */
  limit?: string;
  before?: SessionId;
  op?:
    | 'ENROLL'
    | 'VERIFY'
    | 'SIGN-IN'
    | 'DELETE'
    | 'CANCEL'
    | 'EXPIRE'
    | 'AUTHENTICATE'
    | 'TENANT'
    | 'CLIENT'
    | 'WEBHOOK'
    | 'ERASURE'
    | 'RETENTION'
    | 'LOG-KEY';
}
/**
 * Answer to ENROLL, VERIFY and SIGN-IN.
 */
export interface SessionCreated {
  message: 'Success!';
  /**
   * Result of this call, not of the session.
   */
  status: 'success';
  sessionId: SessionId;
  type: SpelledType;
  /**
   * Page to send the browser to, or to put in a frame.
   */
  launchUrl: string;
  /**
   * End of the session.
   */
  expiresAt: string;
}
/**
 * A session as its owner sees it; challenge is present while the session waits for a template.
 */
export interface SessionView {
  sessionId: SessionId;
  type: SpelledType;
  status: SessionStatus;
  redirectURL: WebAddress;
  /**
   * End of the session.
   */
  expiresAt: string;
  /**
   * PEM (SPKI) of the key that encrypted payloads are made for.
   */
  publicKey: string;
  challenge?: Challenge;
}
/**
 * A session as whoever holds only its id sees it: what the launch page needs. challenge is present while the session waits for a template.
 */
export interface RedactedSession {
  sessionId: SessionId;
  type: SpelledType;
  status: SessionStatus;
  /**
   * End of the session.
   */
  expiresAt: string;
  /**
   * PEM (SPKI) of the key that encrypted payloads are made for.
   */
  publicKey: string;
  challenge?: Challenge;
  /**
   * Name of the tenant that asks.
   */
  displayName: string;
}
/**
 * A face template, made on the device of the person.
 */
export interface TemplateRequest {
  /**
   * Base64 of little-endian float32 numbers, as many as the model has dimensions.
   */
  embedding: string;
  /**
   * The model that made the embedding.
   */
  model: string;
  /**
   * challenge.nonce of the session.
   */
  nonce: string;
}
/**
 * What the browser learns about its template: the outcome, never a score and never who was found.
 */
export interface TemplateResponse {
  /**
   * Whether the operation succeeded.
   */
  success: boolean;
  status: 'SUCCESS' | 'FAILED';
  type: SpelledType;
  sessionId: SessionId;
  /**
   * The HTTP status of this answer.
   */
  statusCode: number;
  /**
   * A session is used once.
   */
  tryAgain: false;
}
/**
 * Where a test event is to be sent.
 */
export interface TestWebhookRequest {
  callback: Callback;
}
/**
 * The subject that an address names.
 */
export interface UserQuery {
  uuid: SubjectId;
}
/**
 * The final event of a session. puid and guid are the uuid of the subject. type, transactionID, identificationResult and receipt (of a DELETE) are extensions of the documented payload; the signature is in the headers.
 */
export interface Webhook {
  sessionId: SessionId;
  status: 'SUCCESS' | 'FAILED';
  puid?: SubjectId;
  guid?: SubjectId;
  /**
   * When the session ended; no document is captured.
   */
  identityInformation?: {
    documentType?: string;
    /**
     * Milliseconds since 1970, as a string.
     */
    verificationDate?: string;
  };
  /**
   * Empty: no contact data is kept.
   */
  contactInformation?: {
    email?: string;
    phone?: string;
  };
  message: string;
  errors: {
    /**
     * Number of the error table of the public contract.
     */
    code: number;
    message: string;
  }[];
  /**
   * Always empty: images are never kept.
   */
  images?: {
    type: string;
    data: string;
  }[];
  /**
   * Kept for receivers that read it.
   */
  indicators?: {
    /**
     * False: nothing was measured, and the members mean nothing.
     */
    evaluated?: boolean;
    /**
     * Signs of an automated browser.
     */
    headless?: {
      webdriver?: boolean;
      userAgent?: boolean;
      webGL?: boolean;
      phantom?: boolean;
      selenium?: boolean;
      chrome?: boolean;
      permissions?: boolean;
      plugins?: boolean;
      languages?: boolean;
      webRTC?: boolean;
      notification?: boolean;
      deviceMemory?: boolean;
      connectionType?: boolean;
      timing?: boolean;
    };
    /**
     * Signs of a virtual camera.
     */
    virtualCamera?: {
      virtualCameraSoftware?: boolean;
      suspiciousLabels?: boolean;
      noMediaDevices?: boolean;
      mediaDevicesError?: boolean;
    };
    /**
     * Signs of a manipulated browser.
     */
    browserAnomalies?: {
      missingWebAPIs?: boolean;
      inconsistentFingerprint?: boolean;
      automationProperties?: boolean;
    };
  };
  /**
   * Kept for receivers that read it.
   */
  riskEvaluation?: {
    /**
     * False: nothing was measured, and the members mean nothing.
     */
    evaluated?: boolean;
    score?: number;
    level?: string;
    recommendation?: string;
    flags?: string[];
    signals?: {};
  };
  type?: SpelledType;
  transactionID?: SafeText;
  identificationResult?: {
    uuid?: SubjectId;
    auditTag?: SafeText;
    /**
     * Outcome for the subject, such as enrolled, verified, identified, deleted.
     */
    status: string;
    /**
     * Cosine similarity; only where a comparison was made.
     */
    confidence?: number;
    /**
     * @maxItems 10
     */
    topKMatches?: {
      uuid: SubjectId;
      confidence: number;
    }[];
  };
  receipt?: Receipt;
}
/**
 * Stands for the webhook payload until the session has ended, and also after that for whoever holds only the session id.
 */
export interface PendingWebhook {
  sessionId: SessionId;
  status: 'IN_PROGRESS' | 'SUCCESS' | 'FAILED';
}
/**
 * An extension: the person has begun. Sent only where the session asked for sendEventWebhooks.
 */
export interface StartedWebhook {
  sessionId: SessionId;
  event: 'session.started';
  status: 'IN_PROGRESS';
  type: SpelledType;
  transactionID?: SafeText;
}
/**
 * An extension: an event that somebody asked for to try a receiver. It is of no session.
 */
export interface TestWebhook {
  sessionId: SessionId;
  event: 'webhook.test';
  status: 'TEST';
  type: 'TEST';
  message: string;
}
