import type {
  DeleteRequest,
  EnrollRequest,
  SignInRequest,
  VerifyRequest,
} from '../lib/messages.js';
import type { OperationType } from '../sessions/session.js';
import type { Answer } from './answer.js';
import { deleteSubject } from './delete.js';
import type { OperationDeps } from './deps.js';
import { createEnrollment, submitEnrollment } from './enroll.js';
import type { CreateRequest } from './open-session.js';
import { createSignIn, submitSignIn } from './sign-in.js';
import type { Submission } from './submit.js';
import { createVerification, submitVerification } from './verify.js';

/** The body that each type of POST /v2/verification-session takes, after its schema accepted it. */
export interface RequestBodies {
  readonly ENROLL: EnrollRequest;
  readonly VERIFY: VerifyRequest;
  readonly 'SIGN-IN': SignInRequest;
  readonly DELETE: DeleteRequest;
}

/** One operation: what a request must pass, and what is then done. */
export interface Operation<Type extends OperationType = OperationType> {
  /** Names of files in `schemas/`. */
  readonly requestSchema:
    | 'enroll.request'
    | 'verify.request'
    | 'sign-in.request'
    | 'delete.request';
  readonly responseSchema: 'session.created' | 'delete.response';
  /** Whether an API key alone is enough for tenants in `apiKeyOnly` mode. */
  readonly mayUseApiKeyOnly: boolean;
  /** Whether requests are counted against the limit of each subject. */
  readonly isLimitedBySubject: boolean;
  /** POST /v2/verification-session. */
  create(
    this: void,
    deps: OperationDeps,
    request: CreateRequest<RequestBodies[Type]>,
  ): Promise<Answer>;
  /** POST /v2/verification-session/{sessionId}/enroll, /verify or /sign-in; absent when nobody captures anything. */
  submit?(this: void, deps: OperationDeps, submission: Submission): Promise<Answer>;
}

/** Every operation of the API. Read this file first. */
export const OPERATIONS: { readonly [Type in OperationType]: Operation<Type> } = {
  ENROLL: {
    requestSchema: 'enroll.request',
    responseSchema: 'session.created',
    mayUseApiKeyOnly: true,
    isLimitedBySubject: false,
    create: createEnrollment,
    submit: submitEnrollment,
  },
  VERIFY: {
    requestSchema: 'verify.request',
    responseSchema: 'session.created',
    mayUseApiKeyOnly: true,
    isLimitedBySubject: false,
    create: createVerification,
    submit: submitVerification,
  },
  'SIGN-IN': {
    requestSchema: 'sign-in.request',
    responseSchema: 'session.created',
    mayUseApiKeyOnly: true,
    isLimitedBySubject: false,
    create: createSignIn,
    submit: submitSignIn,
  },
  DELETE: {
    requestSchema: 'delete.request',
    responseSchema: 'delete.response',
    mayUseApiKeyOnly: false,
    isLimitedBySubject: true,
    create: deleteSubject,
  },
};
