import type {
  AcceptedResponse,
  AuditEntry,
  CancelResponse,
  CollectRequest,
  DeleteRequest,
  DeleteResponse,
  DeviceInfo,
  EncryptedRequest,
  EnrollRequest,
  ErrorAnswer,
  FeedbackRequest,
  Health,
  Jwks,
  PendingWebhook,
  PublicKey,
  RedactedSession,
  SessionCreated,
  SessionView,
  SignInRequest,
  TemplateRequest,
  TemplateResponse,
  VerifyRequest,
  Webhook,
} from '../lib/messages.js';

/** The message of each schema file, by the file's name without `.json`. */
export interface Messages {
  'accepted.response': AcceptedResponse;
  'audit-entry': AuditEntry;
  'cancel.response': CancelResponse;
  'collect.request': CollectRequest;
  'delete.request': DeleteRequest;
  'delete.response': DeleteResponse;
  'device-info': DeviceInfo;
  'encrypted.request': EncryptedRequest;
  'enroll.request': EnrollRequest;
  error: ErrorAnswer;
  'feedback.request': FeedbackRequest;
  health: Health;
  jwks: Jwks;
  'public-key': PublicKey;
  session: SessionView;
  'session.created': SessionCreated;
  'session.redacted': RedactedSession;
  'sign-in.request': SignInRequest;
  'template.request': TemplateRequest;
  'template.response': TemplateResponse;
  'verify.request': VerifyRequest;
  webhook: Webhook;
  'webhook.pending': PendingWebhook;
}
