import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseKeyName } from '../../src/vault/key-name.js';
import type { SealedTemplate } from '../../src/vault/vault.js';
import { Ended } from './simulated-disk.js';
import { pathOf, World } from './tree-world.js';

/** Few tenants, so that they are dropped and come again; people are enrolled by the dozen. */
const TENANTS = ['a', 'b', 'c'];
const RUNS = 60;

/** What happens next; the process may end at a step of it. */
type Event = { readonly endsAtStep?: number } & (
  | { readonly kind: 'enrol'; readonly tenant: number; readonly count: number }
  | { readonly kind: 'erase'; readonly picks: readonly number[] }
  | { readonly kind: 'enrolAgain'; readonly pick: number }
  | { readonly kind: 'dropTenant'; readonly tenant: number }
  | { readonly kind: 'allAtOnce'; readonly picks: readonly number[]; readonly tenant: number }
  | { readonly kind: 'restart' | 'restoreUserData' | 'close' }
);

const pick = fc.nat({ max: 9_999 });
const tenant = fc.nat({ max: TENANTS.length - 1 });
const endsAtStep = fc.option(fc.nat({ max: 24 }), { nil: undefined });
const events: fc.Arbitrary<Event[]> = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('enrol' as const),
        tenant,
        count: fc.constantFrom(1, 2, 5, 40),
        endsAtStep,
      }),
    },
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant('erase' as const),
        picks: fc.array(pick, { minLength: 1, maxLength: 5 }),
        endsAtStep,
      }),
    },
    fc.record({ kind: fc.constant('enrolAgain' as const), pick, endsAtStep }),
    fc.record({ kind: fc.constant('dropTenant' as const), tenant, endsAtStep }),
    fc.record({
      kind: fc.constant('allAtOnce' as const),
      picks: fc.array(pick, { maxLength: 4 }),
      tenant,
      endsAtStep,
    }),
    fc.record({
      kind: fc.constantFrom('restart' as const, 'restoreUserData' as const, 'close' as const),
    }),
  ),
  { maxLength: 14 },
) as fc.Arbitrary<Event[]>;

/** What the outside world was told, and what it keeps. */
class Model {
  readonly live = new Map<string, SealedTemplate>();
  /** Every template that was ever erased: a backup of the user data brings them all back. */
  readonly erased: SealedTemplate[] = [];
  /** Asked for and not answered: erased or not. */
  doubtful: SealedTemplate[] = [];
  /** Key id of each version of a node, and the tree that had it: numbers of dropped trees come again. */
  readonly #versions = new Map<string, { keyId: string; tree: unknown }>();
  #people = 0;
  #epoch = 0;

  readonly world: World;

  constructor(world: World) {
    this.world = world;
  }

  newPerson(): string {
    this.#people += 1;
    return `p${this.#people}`;
  }

  picked(picks: readonly number[]): SealedTemplate[] {
    const all = [...this.live.values()];
    if (all.length === 0) return [];
    return [...new Set(picks.map((at) => all[at % all.length]!))];
  }

  async enrol(uuid: string, tenantId: string): Promise<void> {
    this.live.set(uuid, await this.world.enrol(uuid, tenantId));
  }

  /** Erases with one call for each, as many requests would. */
  async erase(templates: readonly SealedTemplate[]): Promise<void> {
    await this.#erasing(templates, async () => {
      const { vault } = this.world;
      await Promise.all(templates.map(async ({ keyId }) => await vault.shred([keyId])));
    });
  }

  async dropTenant(tenantId: string): Promise<void> {
    const templates = [...this.live.values()].filter((template) => template.tenantId === tenantId);
    await this.#erasing(templates, async () => {
      await this.world.vault.shredScope({ tenantId });
    });
  }

  /** After a crash the unanswered are all live or all erased; then the world goes on from that. */
  async settle(): Promise<void> {
    const doubtful = this.doubtful;
    this.doubtful = [];
    const areOpen = await this.world.areOpen(doubtful);
    expect(new Set(areOpen).size).toBeLessThanOrEqual(1);
    for (const [at, template] of doubtful.entries())
      if (areOpen[at]) this.live.set(template.uuid, template);
      else this.erased.push(template);
  }

  /** What holds after each event, as far as it can be seen from outside. */
  async expectInvariants(): Promise<void> {
    const { world } = this;
    const live = [...this.live.values()];
    expect(await world.areOpen(live)).toEqual(live.map(() => true));
    expect(await world.areOpen(this.erased)).toEqual(this.erased.map(() => false));
    const idsOf = (templates: readonly SealedTemplate[]) =>
      templates.map(({ keyId }) => parseKeyName(keyId)!.keyId);
    const stolen = world.stolenKeyIds();
    expect(idsOf(live).filter((keyId) => !stolen.has(keyId))).toEqual([]);
    expect(idsOf(this.erased).filter((keyId) => stolen.has(keyId))).toEqual([]);
    for (const store of world.rootStores) expect(store.shares()).toHaveLength(1);
    const [{ epoch } = { epoch: 0 }] = await world.vault.roots();
    expect(epoch).toBeGreaterThanOrEqual(this.#epoch);
    this.#epoch = epoch;
    const keyIds = await world.keyIds();
    for (const [place, row] of await world.liveRows()) {
      const version = `${place}@${row.epoch}`;
      const now = { keyId: keyIds.get(place)!, tree: world.trees.trees.get(row.tree) };
      const before = this.#versions.get(version);
      if (before?.tree === now.tree)
        expect([version, before?.keyId ?? now.keyId]).toEqual([version, now.keyId]);
      this.#versions.set(version, now);
    }
  }

  /** Every node on the paths of what goes gets another key, and no other node does. */
  async #erasing(templates: readonly SealedTemplate[], work: () => Promise<void>): Promise<void> {
    const { world } = this;
    const before = await world.keyIds();
    const [{ epoch } = { epoch: 0 }] = await world.vault.roots();
    const tree = await world.owner.tree();
    const paths = new Set(templates.flatMap(({ keyId }) => pathOf(tree, keyId)));
    for (const { uuid } of templates) this.live.delete(uuid);
    this.doubtful.push(...templates);
    await work();
    this.doubtful = this.doubtful.filter((template) => !templates.includes(template));
    this.erased.push(...templates);
    const after = await world.keyIds();
    const [{ epoch: newEpoch } = { epoch: 0 }] = await world.vault.roots();
    if (templates.length > 0) expect(newEpoch).toBeGreaterThan(epoch);
    for (const [place, keyId] of before)
      if (paths.has(place)) expect([place, after.get(place)]).not.toEqual([place, keyId]);
      else if (templates.length > 0 && after.has(place))
        expect([place, after.get(place)]).toEqual([place, keyId]);
  }
}

async function happen(model: Model, event: Event): Promise<void> {
  const { world } = model;
  switch (event.kind) {
    case 'enrol': {
      const people = Array.from({ length: event.count }, () => model.newPerson());
      await Promise.all(people.map((uuid) => model.enrol(uuid, TENANTS[event.tenant]!)));
      return;
    }
    case 'erase':
      await model.erase(model.picked(event.picks));
      return;
    case 'enrolAgain':
      for (const template of model.picked([event.pick])) {
        await model.erase([template]);
        await model.enrol(template.uuid, template.tenantId);
      }
      return;
    case 'dropTenant':
      await model.dropTenant(TENANTS[event.tenant]!);
      return;
    case 'allAtOnce':
      await Promise.all([
        model.erase(model.picked(event.picks)),
        model.enrol(model.newPerson(), TENANTS[event.tenant]!),
      ]);
      return;
    case 'restart':
      await world.start();
      return;
    case 'close':
      await world.vault.close();
      await world.start();
      return;
    case 'restoreUserData':
      expect(await world.vault.exist(model.erased.map(({ keyId }) => keyId))).toEqual(
        model.erased.map(() => false),
      );
      return;
    default:
      throw new Error('there is no such event');
  }
}

/** The process may end in the middle; another one begins then. */
async function happenOrEnd(model: Model, event: Event): Promise<void> {
  const { world } = model;
  if (event.endsAtStep !== undefined) world.endAtStep(event.endsAtStep);
  try {
    await happen(model, event);
  } catch (error) {
    if (!(error instanceof Ended)) throw error;
  }
  world.onStep = () => undefined;
  if (event.endsAtStep !== undefined) await world.start();
  await model.settle();
}

describe('a key tree under any schedule', () => {
  test.each([1, 2])(
    'when people come and go and the process ends at any step, then with %p root stores all that lives opens and nothing that was erased',
    async (rootStores) => {
      await fc.assert(
        fc.asyncProperty(events, async (schedule) => {
          const model = new Model(await World.started({ rootStores }));
          for (const event of schedule) {
            await happenOrEnd(model, event);
            await model.expectInvariants();
          }
          model.world.end();
        }),
        { numRuns: RUNS },
      );
    },
    60_000,
  );
});
