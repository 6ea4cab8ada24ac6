import type {
  AcceptedResponse,
  BiometricStatus,
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
  LogLeaf,
  PendingWebhook,
  PublicKey,
  ReceiptResponse,
  RedactedSession,
  ResultRequest,
  ResultResponse,
  ReviewList,
  ReviewQuery,
  SessionCreated,
  SessionView,
  SignInRequest,
  StartedWebhook,
  TemplateRequest,
  TemplateResponse,
  UserQuery,
  VerifyRequest,
  Webhook,
} from '../lib/messages.js';

/** The message of each schema file, by the file's name without `.json`. */
export interface Messages {
  'accepted.response': AcceptedResponse;
  'biometric-status': BiometricStatus;
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
  'log-leaf': LogLeaf;
  'public-key': PublicKey;
  receipt: string;
  'receipt.response': ReceiptResponse;
  'result.request': ResultRequest;
  'result.response': ResultResponse;
  'review.list': ReviewList;
  'review.query': ReviewQuery;
  session: SessionView;
  'session.created': SessionCreated;
  'session.redacted': RedactedSession;
  'sign-in.request': SignInRequest;
  'template.request': TemplateRequest;
  'template.response': TemplateResponse;
  'user.query': UserQuery;
  'verify.request': VerifyRequest;
  webhook: Webhook;
  'webhook.pending': PendingWebhook;
  'webhook.started': StartedWebhook;
}
