import { lengthPrefixed, sha256 } from '../../crypto/hash.js';
import { ServiceError } from '../../errors/service-error.js';
import { hex } from '../../lib/bytes.js';
import { scopeText } from '../tree/scope.js';
import type { KeyScope, RootState, Vault } from '../vault.js';

const RETRY_AFTER_SECONDS = 5;

type Answers = readonly PromiseSettledResult<readonly RootState[]>[];

/** Knows which of several vaults owns which root. It asks them, and remembers what they said. */
export class RootOwners {
  readonly #vaults: readonly Vault[];
  #owners: ReadonlyMap<string, Vault> = new Map();
  #unanswered: number;
  #asking: Promise<void> | undefined;

  constructor(vaults: readonly Vault[]) {
    this.#vaults = vaults;
    this.#unanswered = vaults.length;
  }

  /**
   * The owner of a root. Asks for roots when this one is not known; when nobody owns it then, that
   * is UNAVAILABLE: its keys may well exist.
   */
  async ownerOf(rootId: string): Promise<Vault> {
    if (!this.#owners.has(rootId)) await this.#ask();
    const owner = this.#owners.get(rootId);
    if (owner !== undefined) return owner;
    const [unanswered, all] = [this.#unanswered, this.#vaults.length];
    throw unavailable(
      unanswered > 0
        ? `the owner of the root ${rootId} is not known, and ${unanswered} of ${all} key services do not answer; start them`
        : `no key service that is set holds the root ${rootId}; start the one that does, and set its address`,
    );
  }

  /**
   * Who takes the new keys of a scope: of the known roots, the one with the highest SHA-256 of its
   * id and the scope (rendezvous hashing: another root takes over only what it now wins). A vault
   * that never answered takes none, and is asked again meanwhile.
   */
  async ownerForNew(scope: KeyScope): Promise<Vault> {
    if (this.#owners.size === 0) await this.#ask();
    else if (this.#unanswered > 0) this.#ask().catch(() => undefined);
    const ranked = [...this.#owners].map(([rootId, owner]) => ({
      owner,
      score: scoreOf(rootId, scope),
    }));
    const [first, ...others] = ranked;
    if (first === undefined) throw unavailable('no key service answers; start them');
    return others.reduce((best, next) => (next.score > best.score ? next : best), first).owner;
  }

  /** Those who wait at the same time share one round of questions. */
  async #ask(): Promise<void> {
    this.#asking ??= this.#askAll().finally(() => {
      this.#asking = undefined;
    });
    await this.#asking;
  }

  async #askAll(): Promise<void> {
    const answers = await Promise.allSettled(this.#vaults.map(async (vault) => vault.roots()));
    this.#owners = this.#ownersBy(answers);
    this.#unanswered = answers.filter(({ status }) => status === 'rejected').length;
  }

  /** A vault that does not answer is taken to own what it owned. */
  #ownersBy(answers: Answers): ReadonlyMap<string, Vault> {
    const owners = new Map<string, Vault>();
    answers.forEach((answer, index) => {
      const vault = this.#vaults[index];
      if (vault === undefined) return;
      for (const rootId of answer.status === 'fulfilled'
        ? idsOf(answer.value)
        : this.#owned(vault)) {
        if (owners.has(rootId)) {
          throw unavailable(
            `two key services hold the root ${rootId}; set each address once, and end the service that runs on a copy`,
          );
        }
        owners.set(rootId, vault);
      }
    });
    return owners;
  }

  #owned(vault: Vault): readonly string[] {
    return [...this.#owners].filter(([, owner]) => owner === vault).map(([rootId]) => rootId);
  }
}

function idsOf(roots: readonly RootState[]): readonly string[] {
  return roots.map(({ rootId }) => rootId);
}

function scoreOf(rootId: string, scope: KeyScope): string {
  return hex(sha256(lengthPrefixed(rootId, scopeText(scope))));
}

function unavailable(detail: string): ServiceError {
  return new ServiceError('UNAVAILABLE', { detail, retryAfterSeconds: RETRY_AFTER_SECONDS });
}
