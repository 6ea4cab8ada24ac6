import type { mongo, Schema } from 'mongoose';
import {
  type ClientRow,
  clientSchema,
  type TenantRow,
  tenantSchema,
  type UsedTokenRow,
  usedTokenSchema,
} from './access-rows.js';
import { type BucketKeyRow, bucketKeySchema } from './bucket-key-rows.js';
import { type DeliveryRow, deliverySchema } from './delivery-rows.js';
import { type DestinationRow, destinationSchema } from './destination-rows.js';
import { type ErasureRow, erasureSchema } from './erasure-rows.js';
import { type IdempotencyRow, idempotencySchema } from './idempotency-rows.js';
import { type InstallationRow, installationSchema } from './installation-rows.js';
import {
  type KeyNodeRow,
  type KeyRootRow,
  type KeyTreeRow,
  keyNodeSchema,
  keyRootSchema,
  keyTreeSchema,
  type ReflectedRootRow,
  reflectedRootSchema,
} from './key-tree-rows.js';
import {
  type CosignatureRow,
  cosignatureSchema,
  type LogEntryRow,
  type LogKeyRow,
  type LogNodeRow,
  type LogSegmentRow,
  logEntrySchema,
  logKeySchema,
  logNodeSchema,
  logSegmentSchema,
  type PendingEntryRow,
  pendingEntrySchema,
} from './log-rows.js';
import { type ReviewRow, reviewSchema } from './review-rows.js';
import { type SessionRow, sessionSchema } from './session-rows.js';
import { type SubjectRow, subjectSchema } from './subject-rows.js';

/** The collections by their names in the database. */
export interface Collections {
  readonly tenants: mongo.Collection<TenantRow>;
  readonly clients: mongo.Collection<ClientRow>;
  readonly usedTokens: mongo.Collection<UsedTokenRow>;
  readonly sessions: mongo.Collection<SessionRow>;
  readonly idempotencyKeys: mongo.Collection<IdempotencyRow>;
  readonly subjects: mongo.Collection<SubjectRow>;
  readonly erasures: mongo.Collection<ErasureRow>;
  readonly deliveries: mongo.Collection<DeliveryRow>;
  readonly destinations: mongo.Collection<DestinationRow>;
  readonly pendingEntries: mongo.Collection<PendingEntryRow>;
  readonly logSegments: mongo.Collection<LogSegmentRow>;
  readonly logNodes: mongo.Collection<LogNodeRow>;
  readonly logEntries: mongo.Collection<LogEntryRow>;
  readonly logKeys: mongo.Collection<LogKeyRow>;
  readonly cosignatures: mongo.Collection<CosignatureRow>;
  readonly reviews: mongo.Collection<ReviewRow>;
  readonly bucketKeys: mongo.Collection<BucketKeyRow>;
  readonly keyRoots: mongo.Collection<KeyRootRow>;
  readonly keyTrees: mongo.Collection<KeyTreeRow>;
  readonly keyNodes: mongo.Collection<KeyNodeRow>;
  readonly reflectedRoots: mongo.Collection<ReflectedRootRow>;
  readonly installations: mongo.Collection<InstallationRow>;
}

export type CollectionName = keyof Collections;

export const SCHEMAS: Readonly<Record<CollectionName, Schema>> = {
  tenants: tenantSchema,
  clients: clientSchema,
  usedTokens: usedTokenSchema,
  sessions: sessionSchema,
  idempotencyKeys: idempotencySchema,
  subjects: subjectSchema,
  erasures: erasureSchema,
  deliveries: deliverySchema,
  destinations: destinationSchema,
  pendingEntries: pendingEntrySchema,
  logSegments: logSegmentSchema,
  logNodes: logNodeSchema,
  logEntries: logEntrySchema,
  logKeys: logKeySchema,
  cosignatures: cosignatureSchema,
  reviews: reviewSchema,
  bucketKeys: bucketKeySchema,
  keyRoots: keyRootSchema,
  keyTrees: keyTreeSchema,
  keyNodes: keyNodeSchema,
  reflectedRoots: reflectedRootSchema,
  installations: installationSchema,
};
