import { ServiceError } from '../errors/service-error.js';
import { randomId } from '../lib/ids.js';
import type { EnrollRequest } from '../lib/messages.js';
import type { Answer } from './answer.js';
import type { OperationDeps } from './deps.js';
import { type CreateRequest, newSession, openSession } from './open-session.js';
import { finishSubmission, type Submission } from './submit.js';

/** Opens a session in which a person enrols. Throws SUBJECT_EXISTS when the uuid is taken. */
export async function createEnrollment(
  deps: OperationDeps,
  request: CreateRequest<EnrollRequest>,
): Promise<Answer> {
  const { tenantId } = request.principal;
  const uuid = request.body.uuid ?? randomId();
  if ((await deps.store.subjects.find({ tenantId, uuid })) !== undefined)
    throw new ServiceError('SUBJECT_EXISTS');
  const session = await newSession(deps, request, 'ENROLL');
  return await openSession(deps, request, { ...session, uuid });
}

/**
 * Creates the subject: its key first, then subject, template, end of session and webhook together.
 * A crash in between leaves a key that opens nothing.
 */
export async function submitEnrollment(
  deps: OperationDeps,
  submission: Submission,
): Promise<Answer> {
  const { session, probe } = submission;
  const { tenantId, uuid = randomId() } = session;
  const sealed = await deps.vault.seal({ tenantId, uuid }, probe.embedding);
  try {
    return await finishSubmission(deps, submission, {
      effect: async (stores) => {
        const enrolment = { ...sealed, model: probe.model, enrolledAtMs: deps.clock.nowMs() };
        const outcome = await stores.subjects.insert({ tenantId, uuid, state: 'live', enrolment });
        if (outcome === 'exists') throw new ServiceError('SUBJECT_EXISTS');
      },
      ending: {
        state: 'SUCCESS',
        uuid,
        message: 'Enrollment successful',
        errors: [],
        identificationResult: {
          uuid,
          status: 'enrolled',
        },
      },
    });
  } catch (error) {
    if (error instanceof ServiceError && error.code !== 'UNAVAILABLE')
      await deps.vault.shred([sealed.keyId]);
    throw error;
  }
}
