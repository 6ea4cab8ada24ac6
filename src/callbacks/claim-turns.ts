/** Claims that the store has to answer at once. */
const MAX_CLAIMS = 8;

/** Lets those who want to claim do so in turn, a few at once, as long as there is room for more. */
export class ClaimTurns<Claimer> {
  /** Longest waiting first. */
  readonly #waiting = new Set<Claimer>();
  readonly #underWay = new Set<Promise<void>>();
  /** Must not reject. */
  readonly #claim: (claimer: Claimer) => Promise<void>;
  readonly #hasRoom: () => boolean;

  constructor(rules: { claim: (claimer: Claimer) => Promise<void>; hasRoom: () => boolean }) {
    this.#claim = rules.claim;
    this.#hasRoom = rules.hasRoom;
  }

  request(claimer: Claimer): void {
    this.#waiting.add(claimer);
    this.goOn();
  }

  /** To be called when there is room again. */
  goOn(): void {
    for (const claimer of this.#waiting) {
      if (this.#underWay.size >= MAX_CLAIMS || !this.#hasRoom()) return;
      this.#waiting.delete(claimer);
      const claim = this.#claim(claimer).finally(() => {
        this.#underWay.delete(claim);
        this.goOn();
      });
      this.#underWay.add(claim);
    }
  }

  /** Forgets who waits; resolves when nothing is under way. */
  async end(): Promise<void> {
    this.#waiting.clear();
    await Promise.all(this.#underWay);
  }
}
