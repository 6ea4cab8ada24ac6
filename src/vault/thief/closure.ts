import { SecretBytes } from '../../crypto/secret-bytes.js';
import { keyIdText } from '../key-name.js';
import type { Corpus, FoundNode, FoundTemplate } from './corpus.js';
import type { Keyring } from './keyring.js';
import { openAnyNode } from './open-node.js';
import { TemplateTrial } from './open-templates.js';

/** Up to so many pairs, every key is tried on every node, whatever key id it names: half a minute. */
const MOST_NODE_PAIRS = 5_000_000;
const MOST_TEMPLATE_PAIRS = 50_000_000;

/** Tries keys on blobs until nothing new opens. */
export class Closure {
  /** How often the keys that the last round found were tried. */
  rounds = 0;
  /** Whether every key was tried on every blob; otherwise on those that name its id. */
  isExhaustive = true;
  readonly #corpus: Corpus;
  readonly #keys: Keyring;
  /** Keys before these are done: on the nodes that name them, on all nodes. */
  #matched = 0;
  #paired = 0;

  constructor(corpus: Corpus, keys: Keyring) {
    this.#corpus = corpus;
    this.#keys = keys;
  }

  /** Begins anew: there are blobs that no key was tried on. */
  restart(): void {
    this.#matched = 0;
    this.#paired = 0;
  }

  /** Opens every node that the keys open, and those that the keys inside open, and so on. */
  openNodes(): void {
    do {
      this.rounds += 1;
      this.#openByKeyId();
    } while (this.#openByTrial());
  }

  /**
   * Tries so many guesses, one by one: what opens something, or is named, joins the keys. Each is
   * borrowed for the call.
   */
  trialOf(count: number): (key: SecretBytes) => void {
    const nodes = this.#closedNodes();
    const templates = this.#closedTemplates();
    const isThorough =
      count * nodes.length <= MOST_NODE_PAIRS && count * templates.length <= MOST_TEMPLATE_PAIRS;
    if (!isThorough) this.isExhaustive = false;
    const trial = new TemplateTrial(templates);
    return (key) => {
      if (this.takeIfNamed(key) || !isThorough) return;
      if (nodes.some((node) => this.#open(key, node)) || trial.openedBy(key).length > 0)
        this.#keys.add(copyOf(key));
    };
  }

  /** Adds a copy of the key to the keys if a blob or a name says its id; returns whether. */
  takeIfNamed(key: SecretBytes): boolean {
    const isNamed = this.#corpus.mentions(keyIdText(key));
    if (isNamed) this.#keys.add(copyOf(key));
    return isNamed;
  }

  /** Opens every template that the keys open. */
  openTemplates(): void {
    for (let index = 0; index < this.#keys.size; index += 1) {
      const named = this.#corpus.templatesOf(this.#keys.idAt(index));
      if (named.length > 0) markOpened(new TemplateTrial(named), this.#keys.keyAt(index));
    }
    const closed = this.#closedTemplates();
    if (closed.length * this.#keys.size > MOST_TEMPLATE_PAIRS) {
      this.isExhaustive = false;
      return;
    }
    const trial = new TemplateTrial(closed);
    for (let index = 0; index < this.#keys.size; index += 1)
      markOpened(trial, this.#keys.keyAt(index));
  }

  #openByKeyId(): void {
    for (; this.#matched < this.#keys.size; this.#matched += 1) {
      const key = this.#keys.keyAt(this.#matched);
      for (const node of this.#corpus.nodesOf(this.#keys.idAt(this.#matched)))
        if (!node.isOpened) this.#open(key, node);
    }
  }

  /** Whether this found keys. */
  #openByTrial(): boolean {
    const closed = this.#closedNodes();
    const keysBefore = this.#keys.size;
    if ((keysBefore - this.#paired) * closed.length > MOST_NODE_PAIRS) {
      this.isExhaustive = false;
      return false;
    }
    for (; this.#paired < keysBefore; this.#paired += 1) {
      const key = this.#keys.keyAt(this.#paired);
      for (const node of closed) if (!node.isOpened) this.#open(key, node);
    }
    return this.#keys.size > keysBefore;
  }

  #open(key: SecretBytes, node: FoundNode): boolean {
    const entries = openAnyNode(key, node.sealed);
    if (entries === undefined) return false;
    node.isOpened = true;
    this.#keys.add(entries);
    return true;
  }

  #closedNodes(): readonly FoundNode[] {
    return this.#corpus.nodes.filter(({ isOpened }) => !isOpened);
  }

  #closedTemplates(): readonly FoundTemplate[] {
    return this.#corpus.templates.filter(({ isOpened }) => !isOpened);
  }
}

function markOpened(trial: TemplateTrial, key: SecretBytes): void {
  for (const template of trial.openedBy(key)) template.isOpened = true;
}

function copyOf(key: SecretBytes): SecretBytes {
  return key.use((bytes) => SecretBytes.take(bytes.slice()));
}
