import { encoded, face } from '../support/embeddings.js';
import { destinationOf } from './destinations.js';
import type { Ledger } from './ledger.js';
import type { Answer, PatientClient } from './patient-client.js';
import { between, draw, pick } from './random.js';
import { waitMs } from './wait.js';

const SESSIONS = 'verification-session';
/** The shortest that there is: steps of the clock end it. */
const EXPIRY_SECONDS = 30;
const THINKING_MS = [0, 1_500] as const;

/** Of the sessions that are canceled: those that send an event before. */
const TOLD_SHARE = 0.5;

type Kind = 'canceled' | 'expired' | 'person' | 'deleted person';

const KINDS: readonly (readonly [Kind, number])[] = [
  ['canceled', 70],
  ['expired', 14],
  ['person', 8],
  ['deleted person', 8],
];

const SESSIONS_OF: Readonly<Record<Kind, number>> = {
  canceled: 1,
  expired: 1,
  person: 2,
  'deleted person': 3,
};

export interface Story {
  readonly name: string;
  readonly kind: Kind;
}

/** Stories with so many sessions: the same for the same seed. */
export function storiesOf(seed: string, sessions: number): readonly Story[] {
  const stories: Story[] = [];
  for (let count = 0; count < sessions; ) {
    const name = `s${stories.length}`;
    const drawn = pick(KINDS, draw(seed, 'story', name));
    const kind = count + SESSIONS_OF[drawn] > sessions ? 'canceled' : drawn;
    stories.push({ name, kind });
    count += SESSIONS_OF[kind];
  }
  return stories;
}

export interface Teller {
  readonly seed: string;
  readonly client: PatientClient;
  readonly ledger: Ledger;
  /** Where a destination is. */
  origin(destination: string): string;
}

/** Lives a story through the API. Throws GaveUp when time is up. */
export async function tell(teller: Teller, { name, kind }: Story): Promise<void> {
  if (kind === 'canceled') await cancel(teller, name);
  else if (kind === 'expired')
    await create(teller, name, { type: 'ENROLL', sessionExpiry: EXPIRY_SECONDS });
  else await live(teller, name, kind === 'deleted person');
}

async function cancel(teller: Teller, name: string): Promise<void> {
  const isTold = draw(teller.seed, 'told', name) < TOLD_SHARE;
  const created = await create(teller, name, { type: 'ENROLL', sendEventWebhooks: isTold });
  if (isTold) await begin(teller, created);
  await waitMs(between(THINKING_MS, draw(teller.seed, 'thinking', name)));
  const path = `${SESSIONS}/${String(created.body['sessionId'])}/cancel`;
  await end(teller, {
    ref: name,
    created,
    answer: await teller.client.post(path, { key: `${name}-cancel` }),
  });
}

/** The person shows that they are there: the integrator is told of it, or of the end alone. */
async function begin({ client }: Teller, created: Answer): Promise<void> {
  const path = `${SESSIONS}/${String(created.body['sessionId'])}/feedback`;
  await client.post(path, { body: { feedback: 'here' } });
}

async function live(teller: Teller, name: string, isDeleted: boolean): Promise<void> {
  const { client, ledger } = teller;
  const uuid = `${teller.seed}-${name}`;
  await pass(teller, { ref: `${name}-enroll`, type: 'ENROLL', uuid });
  await pass(teller, { ref: `${name}-verify`, type: 'VERIFY', uuid });
  if (!isDeleted) return;
  for (const ref of [`${name}-enroll`, `${name}-verify`]) ledger.forgotten(ref);
  const ref = `${name}-delete`;
  ledger.asked(ref);
  const body = { type: 'DELETE', uuid, ...targets(teller, ref) };
  const answer = await client.post(SESSIONS, { key: ref, body });
  if (answer.status === 200) ledger.deleted(ref, String(answer.body['sessionId']));
}

/** The integrator opens a session, and the browser shows its face in it. */
async function pass(
  teller: Teller,
  { ref, type, uuid }: { ref: string; type: 'ENROLL' | 'VERIFY'; uuid: string },
): Promise<void> {
  const created = await create(teller, ref, { type, uuid });
  if (created.status !== 201) return;
  const path = `${SESSIONS}/${String(created.body['sessionId'])}`;
  const { challenge } = (await teller.client.get(path)).body as { challenge?: { nonce: string } };
  const body = {
    model: 'dlib-resnet-v1',
    embedding: encoded(face(uuid)),
    nonce: challenge?.nonce ?? 'none',
  };
  const answer = await teller.client.post(`${path}/${type.toLowerCase()}`, { body });
  await end(teller, { ref, created, answer });
}

/** The end was acknowledged; or the answer was lost, or somebody else ended it, which can be seen. */
async function end(
  { client, ledger }: Teller,
  { ref, created, answer }: { ref: string; created: Answer; answer: Answer },
): Promise<void> {
  if (answer.status === 200 || (await isEnded(client, String(created.body['sessionId']))))
    ledger.ended(ref);
}

export async function isEnded(client: PatientClient, sessionId: string): Promise<boolean> {
  const { status, body } = await client.get(`${SESSIONS}/${sessionId}`);
  if (status !== 200) return false;
  return body['status'] !== 'CREATED' && body['status'] !== 'IN_PROGRESS';
}

async function create(teller: Teller, ref: string, body: object): Promise<Answer> {
  teller.ledger.asked(ref);
  const request = { ...targets(teller, ref), ...body };
  const created = await teller.client.post(SESSIONS, { key: `${ref}-create`, body: request });
  if (created.status === 201) teller.ledger.created(ref, String(created.body['sessionId']));
  return created;
}

/** Each session has a URL of its own, which says to whom an event belongs. */
function targets({ seed, origin }: Teller, ref: string): object {
  const { name } = destinationOf(seed, ref);
  return {
    redirectURL: 'https://app.example/done',
    callback: { url: `${origin(name)}/hook/${ref}`, headers: { authorization: 'Bearer chaos' } },
  };
}
