import { search } from '../biometrics/matcher.js';
import { ServiceError } from '../errors/service-error.js';
import type { SignInRequest } from '../lib/messages.js';
import type { Answer } from './answer.js';
import type { OperationDeps } from './deps.js';
import { type CreateRequest, newSession, openSession } from './open-session.js';
import { finishSubmission, type Submission } from './submit.js';
import { thresholdsOf } from './thresholds.js';
import { rounded } from './verify.js';

/** Opens a session in which a person is recognised. */
export async function createSignIn(
  deps: OperationDeps,
  request: CreateRequest<SignInRequest>,
): Promise<Answer> {
  return await openSession(deps, request, await newSession(deps, request, 'SIGN-IN'));
}

/** Searches 1:N among the tenant's subjects. A session gives one try. */
export async function submitSignIn(deps: OperationDeps, submission: Submission): Promise<Answer> {
  const { session, probe } = submission;
  const { tenantId } = session;
  const { signIn: threshold } = await thresholdsOf(deps, tenantId, probe.model);
  const candidates = await search(
    { subjects: deps.store.subjects, vault: deps.vault },
    tenantId,
    probe,
  );
  const matches = candidates.filter((candidate) => candidate.confidence >= threshold);
  const [best] = matches;
  if (best === undefined) {
    return await finishSubmission(deps, submission, {
      ending: {
        state: 'FAILED',
        message: 'Face did not match',
        errors: [{ code: -9, message: 'FACE_NOT_MATCH' }],
        identificationResult: { status: 'not_identified' },
      },
    });
  }
  const { uuid } = best;
  return await finishSubmission(deps, submission, {
    effect: async (stores) => {
      const subject = await stores.subjects.find({ tenantId, uuid });
      if (subject?.state !== 'live')
        throw new ServiceError('UNAVAILABLE', { retryAfterSeconds: 1 });
    },
    ending: {
      state: 'SUCCESS',
      uuid,
      message: 'Sign-in successful',
      errors: [],
      identificationResult: {
        uuid,
        status: 'identified',
        confidence: rounded(best.confidence),
        topKMatches: matches.map((match) => ({
          uuid: match.uuid,
          confidence: rounded(match.confidence),
        })),
      },
    },
  });
}
