import { compare } from '../biometrics/matcher.js';
import { ServiceError } from '../errors/service-error.js';
import type { VerifyRequest } from '../lib/messages.js';
import type { Answer } from './answer.js';
import type { OperationDeps } from './deps.js';
import { type CreateRequest, newSession, openSession } from './open-session.js';
import { finishSubmission, type Submission } from './submit.js';
import { thresholdsOf } from './thresholds.js';

/** Opens a session in which a person shows to be the subject. Throws SUBJECT_NOT_FOUND. */
export async function createVerification(
  deps: OperationDeps,
  request: CreateRequest<VerifyRequest>,
): Promise<Answer> {
  const { tenantId } = request.principal;
  const { uuid } = request.body;
  const session = await newSession(deps, request, 'VERIFY');
  const subject = await deps.store.subjects.find({ tenantId, uuid });
  if (subject?.state !== 'live') throw new ServiceError('SUBJECT_NOT_FOUND');
  return await openSession(deps, request, { ...session, uuid });
}

/** Compares 1:1. A session gives one try: a mismatch ends it as FAILED. */
export async function submitVerification(
  deps: OperationDeps,
  submission: Submission,
): Promise<Answer> {
  const { session, probe } = submission;
  const { tenantId, uuid = '' } = session;
  const subject = await deps.store.subjects.find({ tenantId, uuid });
  const confidence =
    subject &&
    (await compare({ subjects: deps.store.subjects, vault: deps.vault }, subject, probe));
  const { verify: threshold } = await thresholdsOf(deps, tenantId, probe.model);
  if (confidence === undefined || confidence < threshold) {
    return await finishSubmission(deps, submission, {
      ending: {
        state: 'FAILED',
        message: 'Face did not match',
        errors: [{ code: -9, message: 'FACE_NOT_MATCH' }],
        identificationResult: { uuid, status: 'not_verified' },
      },
    });
  }
  return await finishSubmission(deps, submission, {
    ending: {
      state: 'SUCCESS',
      message: 'Verification successful',
      errors: [],
      identificationResult: { uuid, status: 'verified', confidence: rounded(confidence) },
    },
  });
}

/** Two decimals are enough to act on, and too few to climb on. */
export function rounded(confidence: number): number {
  return Math.round(confidence * 100) / 100;
}
