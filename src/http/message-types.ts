import type {
  AcceptedResponse,
  BiometricStatus,
  CancelResponse,
  CollectRequest,
  DeleteRequest,
  DeleteResponse,
  DeliveryList,
  DeliveryQuery,
  DeliveryView,
  DestinationList,
  DestinationView,
  DeviceInfo,
  EnableRequest,
  EnableResponse,
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
  ReplayRequest,
  ReplayResponse,
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
  TestWebhook,
  TestWebhookRequest,
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
  delivery: DeliveryView;
  'delivery.list': DeliveryList;
  'delivery.query': DeliveryQuery;
  destination: DestinationView;
  'destination.list': DestinationList;
  'device-info': DeviceInfo;
  'enable.request': EnableRequest;
  'enable.response': EnableResponse;
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
  'replay.request': ReplayRequest;
  'replay.response': ReplayResponse;
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
  'test-webhook.request': TestWebhookRequest;
  'user.query': UserQuery;
  'verify.request': VerifyRequest;
  webhook: Webhook;
  'webhook.pending': PendingWebhook;
  'webhook.started': StartedWebhook;
  'webhook.test': TestWebhook;
}
