import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { randomId } from '../../src/lib/ids.js';
import { openTestStore, type TestStore } from '../support/stores.js';
import { ALL_BYTES, comparable, concurrently, DIFFICULT_TEXT, sampleSubject } from './samples.js';

let opened: TestStore;

beforeAll(async () => {
  opened = await openTestStore();
});

afterAll(async () => {
  await opened.destroy();
});

test('when a subject is inserted, then it is found as it was given after the store was opened again', async () => {
  const subject = sampleSubject({
    tenantId: randomId(),
    uuid: DIFFICULT_TEXT,
    model: DIFFICULT_TEXT,
    sealedTemplate: ALL_BYTES,
  });
  expect(await opened.store.subjects.insert(subject)).toBe('inserted');
  const { subjects } = await opened.reopen();
  expect(comparable(await subjects.find(subject))).toStrictEqual(comparable(subject));
});

test("when a uuid is another tenant's, then it is unknown to this one and free", async () => {
  const { subjects } = opened.store;
  const theirs = sampleSubject({ tenantId: randomId() });
  await subjects.insert(theirs);
  const name = { tenantId: randomId(), uuid: theirs.uuid };
  expect(await subjects.find(name)).toBeUndefined();
  expect(await subjects.beginErasure(name)).toBeUndefined();
  await subjects.remove(name);
  expect(await subjects.count(name.tenantId)).toBe(0);
  expect(await subjects.insert(sampleSubject(name))).toBe('inserted');
  expect(comparable(await subjects.find(theirs))).toStrictEqual(comparable(theirs));
});

test('when the name is taken, then the first subject stays, whatever its state', async () => {
  const { subjects } = opened.store;
  const first = sampleSubject();
  const second = sampleSubject({ tenantId: first.tenantId, uuid: first.uuid });
  await subjects.insert(first);
  expect(await subjects.insert(second)).toBe('exists');
  await subjects.beginErasure(first);
  expect(await subjects.insert(second)).toBe('exists');
  expect((await subjects.find(first))?.enrolment.keyId).toBe(first.enrolment.keyId);
});

test('when many insert one name at once, then one of them succeeds, and its subject is found', async () => {
  const { subjects } = opened.store;
  const name = { tenantId: randomId(), uuid: randomId() };
  const rivals = Array.from({ length: 20 }, () => sampleSubject(name));
  const outcomes = await Promise.all(rivals.map((rival) => subjects.insert(rival)));
  expect(outcomes.filter((outcome) => outcome === 'inserted')).toHaveLength(1);
  const winner = rivals[outcomes.indexOf('inserted')];
  expect(comparable(await subjects.find(name))).toStrictEqual(comparable(winner));
  expect(await subjects.count(name.tenantId)).toBe(1);
});

test('when the erasure begins, then the subject is returned and no longer live', async () => {
  const { subjects } = opened.store;
  const subject = sampleSubject();
  await subjects.insert(subject);
  const erasing = await subjects.beginErasure(subject);
  expect(comparable(erasing)).toStrictEqual(comparable({ ...subject, state: 'erasing' }));
  expect((await subjects.find(subject))?.state).toBe('erasing');
  expect(await subjects.beginErasure(subject)).toBeUndefined();
});

test('when many begin the erasure at once, then one of them does', async () => {
  const { subjects } = opened.store;
  const subject = sampleSubject();
  await subjects.insert(subject);
  const begun = await concurrently(20, () => subjects.beginErasure(subject));
  expect(begun.filter((erasing) => erasing !== undefined)).toHaveLength(1);
});

test('when a subject is removed, then it is unknown and its name is free; removing again changes nothing', async () => {
  const { subjects } = opened.store;
  const subject = sampleSubject();
  await subjects.insert(subject);
  await subjects.remove(subject);
  await subjects.remove(subject);
  expect(await subjects.find(subject)).toBeUndefined();
  expect(await subjects.beginErasure(subject)).toBeUndefined();
  expect(await subjects.insert(subject)).toBe('inserted');
});

test('when subjects are scanned, then the live ones of the model come in order of uuid, page by page', async () => {
  const { subjects } = opened.store;
  const tenantId = randomId();
  const uuids = ['00', '0a', '0b', '7f', 'ff'];
  for (const uuid of uuids.toReversed()) await subjects.insert(sampleSubject({ tenantId, uuid }));
  await subjects.insert(sampleSubject({ tenantId, uuid: '10', model: 'another' }));
  await subjects.insert(sampleSubject({ tenantId: randomId(), uuid: '20' }));
  const erasing = sampleSubject({ tenantId, uuid: '30' });
  await subjects.insert(erasing);
  await subjects.beginErasure(erasing);

  const page = { tenantId, model: 'model', limit: 2 };
  const pages: string[][] = [];
  for (let afterUuid = ''; pages.length < 4; afterUuid = pages.at(-1)?.at(-1) ?? '') {
    const found = await subjects.scan({ ...page, afterUuid });
    pages.push(found.map((subject) => subject.uuid));
    if (found.length === 0) break;
  }
  expect(pages).toEqual([['00', '0a'], ['0b', '7f'], ['ff'], []]);
});

test('when subjects are scanned, then each is complete', async () => {
  const { subjects } = opened.store;
  const subject = sampleSubject({ tenantId: randomId() });
  await subjects.insert(subject);
  const { tenantId } = subject;
  const [found] = await subjects.scan({ tenantId, model: 'model', afterUuid: '', limit: 5 });
  expect(comparable(found)).toStrictEqual(comparable(subject));
});

test("when subjects are counted, then the tenant's are, until they are removed", async () => {
  const { subjects } = opened.store;
  const tenantId = randomId();
  expect(await subjects.count(tenantId)).toBe(0);
  const mine = [sampleSubject({ tenantId }), sampleSubject({ tenantId, model: 'another' })];
  for (const subject of [...mine, sampleSubject()]) await subjects.insert(subject);
  expect(await subjects.count(tenantId)).toBe(2);
  await subjects.remove(mine[0]!);
  expect(await subjects.count(tenantId)).toBe(1);
});
