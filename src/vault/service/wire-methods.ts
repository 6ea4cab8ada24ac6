import type { SecretBytes } from '../../crypto/secret-bytes.js';
import { utf8 } from '../../lib/bytes.js';
import { ROOT_ID_BYTES } from '../key-name.js';
import { scopeText } from '../tree/scope.js';
import type {
  KeyScope,
  RootState,
  SealedTemplate,
  Shredded,
  TemplateOwner,
  Vault,
} from '../vault.js';
import { type Field, type Method, WireError } from './wire.js';
import { type FieldReader, idsField, numberField } from './wire-fields.js';

/** Limit of the templates of one `open`. */
export const MAX_TEMPLATES = 256;
/** Length of tombstone hashes. */
const HASH_BYTES = 32;
/** How the texts of scopes begin. */
const TENANT = 'tenant/';
const BUCKET = 'bucket/';

/** What each method is given. */
export interface Requests {
  readonly seal: {
    readonly owner: TemplateOwner;
    readonly scope: KeyScope | undefined;
    readonly plaintext: SecretBytes;
  };
  readonly open: readonly SealedTemplate[];
  readonly exist: readonly string[];
  readonly shred: readonly string[];
  readonly shredScope: KeyScope;
  readonly roots: undefined;
  readonly check: undefined;
}

/** What each method returns. */
export interface Results {
  readonly seal: { readonly keyId: string; readonly sealedTemplate: Uint8Array };
  readonly open: readonly (SecretBytes | undefined)[];
  readonly exist: readonly boolean[];
  readonly shred: Shredded;
  readonly shredScope: Shredded;
  readonly roots: readonly RootState[];
  readonly check: undefined;
}

/** One method: the fields of its request and of its result, and how a vault is called. */
export interface WireMethod<M extends Method> {
  /**
   * Whether it may be sent again when nobody knows whether it was done. A second `seal` would leave
   * a key that no record names: it opens nothing and ends with its scope, but fills a slot until then.
   */
  readonly isRepeatable: boolean;
  readonly printRequest: (request: Requests[M]) => readonly Field[];
  readonly parseRequest: (fields: FieldReader) => Requests[M];
  readonly call: (vault: Vault, request: Requests[M]) => Promise<Results[M]>;
  readonly printResult: (result: Results[M]) => readonly Field[];
  readonly parseResult: (fields: FieldReader) => Results[M];
}

const keyIdsRequest = {
  printRequest: (keyIds: readonly string[]) => keyIds.map(utf8),
  parseRequest: (fields: FieldReader) => fields.rest(() => fields.text()),
};
const emptyRequest = { printRequest: () => [], parseRequest: () => undefined };

/**
 * The fields in their order. A scope is its text of `scope.ts`; a hash and a root id are their
 * bytes; a number has 8 bytes.
 */
export const WIRE_METHODS: { readonly [M in Method]: WireMethod<M> } = {
  // tenantId, uuid, scope or undefined, plaintext -> keyId, sealed template
  seal: {
    isRepeatable: false,
    printRequest: ({ owner, scope, plaintext }) => [
      utf8(owner.tenantId),
      utf8(owner.uuid),
      scope === undefined ? undefined : scopeField(scope),
      plaintext,
    ],
    parseRequest: (fields) => ({
      owner: { tenantId: fields.text(), uuid: fields.text() },
      scope: fields.optional(readScope),
      plaintext: fields.secret(),
    }),
    call: (vault, { owner, plaintext, scope }) => vault.seal(owner, plaintext, scope),
    printResult: ({ keyId, sealedTemplate }) => [utf8(keyId), sealedTemplate],
    parseResult: (fields) => ({ keyId: fields.text(), sealedTemplate: fields.bytes() }),
  },
  // for each template tenantId, uuid, keyId, sealed template -> for each its plaintext or undefined
  open: {
    isRepeatable: true,
    printRequest: (templates) =>
      atMost(MAX_TEMPLATES, templates).flatMap(({ tenantId, uuid, keyId, sealedTemplate }) => [
        utf8(tenantId),
        utf8(uuid),
        utf8(keyId),
        sealedTemplate,
      ]),
    parseRequest: (fields) => atMost(MAX_TEMPLATES, fields.rest(readTemplate)),
    call: (vault, templates) => vault.open(templates),
    printResult: (plaintexts) => atMost(MAX_TEMPLATES, plaintexts),
    parseResult: (fields) =>
      atMost(
        MAX_TEMPLATES,
        fields.rest(() => fields.optional(() => fields.secret())),
      ),
  },
  // keyIds -> one field with a byte for each, 0 or 1
  exist: {
    isRepeatable: true,
    ...keyIdsRequest,
    call: (vault, keyIds) => vault.exist(keyIds),
    printResult: (exist) => [Uint8Array.from(exist, Number)],
    parseResult: (fields) => Array.from(fields.bytes(), readBoolean),
  },
  // keyIds -> what `shreddedFields` lists
  shred: {
    isRepeatable: true,
    ...keyIdsRequest,
    call: (vault, keyIds) => vault.shred(keyIds),
    printResult: shreddedFields,
    parseResult: readShredded,
  },
  // scope -> what `shreddedFields` lists
  shredScope: {
    isRepeatable: true,
    printRequest: (scope) => [scopeField(scope)],
    parseRequest: readScope,
    call: (vault, scope) => vault.shredScope(scope),
    printResult: shreddedFields,
    parseResult: readShredded,
  },
  // nothing -> for each root its id and epoch
  roots: {
    isRepeatable: true,
    ...emptyRequest,
    call: (vault) => vault.roots(),
    printResult: rootFields,
    parseResult: (fields) => fields.rest(readRoot),
  },
  // nothing -> nothing
  check: {
    isRepeatable: true,
    ...emptyRequest,
    call: async (vault) => {
      await vault.check();
      return undefined;
    },
    printResult: () => [],
    parseResult: () => undefined,
  },
};

function scopeField(scope: KeyScope): Uint8Array {
  return utf8(scopeText(scope));
}

function readScope(fields: FieldReader): KeyScope {
  const text = fields.text();
  const scope = text.startsWith(TENANT)
    ? { tenantId: text.slice(TENANT.length) }
    : { bucket: text.slice(BUCKET.length) };
  if (!isTextOf(scope, text)) throw new WireError('the message names no valid scope');
  return scope;
}

function isTextOf(scope: KeyScope, text: string): boolean {
  try {
    return scopeText(scope) === text;
  } catch {
    return false;
  }
}

function readTemplate(fields: FieldReader): SealedTemplate {
  return {
    tenantId: fields.text(),
    uuid: fields.text(),
    keyId: fields.text(),
    sealedTemplate: fields.bytes(),
  };
}

function rootFields(roots: readonly RootState[]): readonly Field[] {
  return roots.flatMap(({ rootId, epoch }) => [
    idsField([rootId], ROOT_ID_BYTES),
    numberField(epoch),
  ]);
}

function readRoot(fields: FieldReader): RootState {
  return { rootId: fields.id(ROOT_ID_BYTES), epoch: fields.number() };
}

function readBoolean(byte: number): boolean {
  if (byte > 1) throw new WireError('a truth value is 0 or 1');
  return byte === 1;
}

/** Time in ms, hashes of the retired roots, hashes of the keys, and for each root its id and epoch. */
function shreddedFields(shredded: Shredded): readonly Field[] {
  return [
    numberField(shredded.irrecoverableAtMs),
    idsField(shredded.retiredRoots, HASH_BYTES),
    idsField(shredded.destroyedKeys, HASH_BYTES),
    ...rootFields(shredded.roots),
  ];
}

function readShredded(fields: FieldReader): Shredded {
  return {
    irrecoverableAtMs: fields.number(),
    retiredRoots: fields.ids(HASH_BYTES),
    destroyedKeys: fields.ids(HASH_BYTES),
    roots: fields.rest(readRoot),
  };
}

function atMost<T>(limit: number, list: readonly T[]): readonly T[] {
  if (list.length > limit) throw new WireError(`at most ${limit} templates go into one message`);
  return list;
}
