/** A template at rest: sealed under the key of its enrolment, which the vault holds. */
export interface Enrolment {
  readonly keyId: string;
  /** Model of the embedding; templates of different models never compare. */
  readonly model: string;
  readonly sealedTemplate: Uint8Array;
  readonly enrolledAtMs: number;
}

/** A person known to a tenant. `erasing`: no use of the template is possible any more. */
export interface Subject {
  readonly tenantId: string;
  readonly uuid: string;
  readonly state: 'live' | 'erasing';
  readonly enrolment: Enrolment;
}

export type SubjectName = Pick<Subject, 'tenantId' | 'uuid'>;

/** Where subjects are kept; a name that is another tenant's is a name that does not exist. */
export interface SubjectStore {
  find(name: SubjectName): Promise<Subject | undefined>;
  /** Inserts a live subject; `exists` when the name is taken, whatever its state. */
  insert(subject: Subject): Promise<'inserted' | 'exists'>;
  /** live becomes erasing. Returns the subject, or undefined when it was not live. */
  beginErasure(name: SubjectName): Promise<Subject | undefined>;
  /** Removes the row; repeatable. */
  remove(name: SubjectName): Promise<void>;
  /** Live subjects of one model in order of uuid, after `afterUuid` ('' begins). */
  scan(page: {
    tenantId: string;
    model: string;
    afterUuid: string;
    limit: number;
  }): Promise<readonly Subject[]>;
  /** Subjects of every tenant, in every state, in order of tenant and uuid. */
  scanAll(page: { after: SubjectName | undefined; limit: number }): Promise<readonly Subject[]>;
  /** How many subjects a tenant has, for its operator. */
  count(tenantId: string): Promise<number>;
}
