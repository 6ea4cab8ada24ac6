/**
 * The tables. Columns are named as the members of the domain that they hold; lists are JSON. A row
 * that is wide or named at random lives in a table with rowids, so that new ones are appended; a
 * narrow one lives in its key. Partial indexes hold only the rows that need them. The bundle of a
 * segment comes last, so that reading the head does not pass over it. `logEntries` has a row for
 * each leaf, so it keeps an entry id as the 16 bytes of the UUID, which sort as its text does.
 */
export const TABLES = `
CREATE TABLE tenants (
  tenantId TEXT PRIMARY KEY,
  displayName TEXT NOT NULL,
  authMode TEXT NOT NULL,
  thresholds TEXT NOT NULL,
  frameOrigins TEXT NOT NULL,
  callbackHosts TEXT NOT NULL,
  redirectHosts TEXT NOT NULL,
  httpSignatures INTEGER NOT NULL,
  webhookSecrets TEXT NOT NULL,
  webhookTls TEXT,
  createdAtMs INTEGER NOT NULL
) STRICT;

CREATE TABLE clients (
  clientId TEXT PRIMARY KEY,
  tenantId TEXT NOT NULL,
  apiKeyDigest TEXT NOT NULL UNIQUE,
  secrets TEXT NOT NULL,
  slcKeys TEXT NOT NULL,
  scopes TEXT NOT NULL,
  createdAtMs INTEGER NOT NULL,
  revokedAtMs INTEGER
) STRICT;
CREATE INDEX clientsOfTenant ON clients (tenantId, clientId);

CREATE TABLE usedTokens (
  clientId TEXT NOT NULL,
  tokenId TEXT NOT NULL,
  expiresAtMs INTEGER NOT NULL,
  PRIMARY KEY (clientId, tokenId)
) STRICT, WITHOUT ROWID;
CREATE INDEX usedTokensByExpiry ON usedTokens (expiresAtMs);

CREATE TABLE sessions (
  sessionId TEXT PRIMARY KEY,
  tenantId TEXT NOT NULL,
  clientId TEXT NOT NULL,
  type TEXT NOT NULL,
  spelledType TEXT NOT NULL,
  state TEXT NOT NULL,
  uuid TEXT,
  erasureId TEXT,
  redirectURL TEXT NOT NULL,
  failureUrl TEXT,
  auditTag TEXT,
  transactionID TEXT,
  sentEvents TEXT NOT NULL,
  callbackOrigin TEXT NOT NULL,
  sealedCallback BLOB NOT NULL,
  nonce TEXT NOT NULL,
  createdAtMs INTEGER NOT NULL,
  expiresAtMs INTEGER NOT NULL,
  endedAtMs INTEGER,
  CHECK ((state IN ('CREATED', 'IN_PROGRESS')) = (endedAtMs IS NULL))
) STRICT;
CREATE INDEX openSessionsByExpiry ON sessions (expiresAtMs) WHERE endedAtMs IS NULL;
CREATE INDEX endedSessionsByTime ON sessions (endedAtMs) WHERE endedAtMs IS NOT NULL;
CREATE INDEX sessionsOfSubject ON sessions (tenantId, uuid) WHERE uuid IS NOT NULL;
CREATE INDEX sessionsOfErasure ON sessions (erasureId) WHERE erasureId IS NOT NULL;

CREATE TABLE idempotency (
  scope TEXT NOT NULL,
  key TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  status INTEGER,
  sealedBody BLOB,
  expiresAtMs INTEGER NOT NULL,
  PRIMARY KEY (scope, key)
) STRICT;
CREATE INDEX idempotencyByExpiry ON idempotency (expiresAtMs);

CREATE TABLE subjects (
  tenantId TEXT NOT NULL,
  uuid TEXT NOT NULL,
  state TEXT NOT NULL,
  keyId TEXT NOT NULL,
  model TEXT NOT NULL,
  sealedTemplate BLOB NOT NULL,
  enrolledAtMs INTEGER NOT NULL,
  PRIMARY KEY (tenantId, uuid)
) STRICT;
CREATE INDEX liveSubjectsOfModel ON subjects (tenantId, model, uuid) WHERE state = 'live';

CREATE TABLE erasures (
  erasureId TEXT PRIMARY KEY,
  tenantId TEXT NOT NULL,
  subject TEXT NOT NULL,
  state TEXT NOT NULL,
  uuid TEXT,
  keyIds TEXT,
  sessionId TEXT,
  requestedAtMs INTEGER NOT NULL,
  completedAtMs INTEGER,
  irrecoverableAtMs INTEGER,
  entryId TEXT,
  bucket TEXT,
  sealedClaims BLOB
) STRICT;
CREATE INDEX erasuresOfSubject ON erasures (tenantId, subject);
CREATE UNIQUE INDEX oneErasureUnderWay ON erasures (tenantId, subject) WHERE state = 'shredding';
CREATE INDEX unfinishedErasures ON erasures (requestedAtMs) WHERE state = 'shredding';
CREATE INDEX erasuresOfBucket ON erasures (bucket) WHERE bucket IS NOT NULL;

CREATE TABLE deliveries (
  deliveryId TEXT PRIMARY KEY,
  tenantId TEXT NOT NULL,
  sessionId TEXT NOT NULL,
  erasureId TEXT,
  eventType TEXT NOT NULL,
  origin TEXT NOT NULL,
  sealedCallback BLOB NOT NULL,
  sealedBody BLOB NOT NULL,
  state TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  attemptLog TEXT NOT NULL,
  createdAtMs INTEGER NOT NULL,
  dueAtMs INTEGER NOT NULL,
  endedAtMs INTEGER,
  claimableAtMs INTEGER NOT NULL,
  leaseId TEXT,
  UNIQUE (sessionId, eventType),
  CHECK ((state = 'pending') = (endedAtMs IS NULL))
) STRICT;
CREATE INDEX pendingDeliveries ON deliveries (tenantId, origin, claimableAtMs)
  WHERE state = 'pending';
CREATE INDEX leasedDeliveries ON deliveries (leaseId)
  WHERE state = 'pending' AND leaseId IS NOT NULL;
CREATE INDEX deliveriesOfTenant ON deliveries (tenantId, deliveryId);
CREATE INDEX deliveriesOfTenantByState ON deliveries (tenantId, state, deliveryId);
CREATE INDEX deliveriesByCreation ON deliveries (createdAtMs);

CREATE TABLE destinations (
  tenantId TEXT NOT NULL,
  origin TEXT NOT NULL,
  failingSinceMs INTEGER NOT NULL,
  lastFailureAtMs INTEGER NOT NULL,
  lastOutcome TEXT NOT NULL,
  failures INTEGER NOT NULL,
  pauses INTEGER NOT NULL,
  pausedUntilMs INTEGER,
  disabledAtMs INTEGER,
  disabledBecause TEXT,
  PRIMARY KEY (tenantId, origin)
) STRICT, WITHOUT ROWID;
CREATE INDEX quietDestinations ON destinations (lastFailureAtMs) WHERE disabledAtMs IS NULL;

CREATE TABLE pendingEntries (
  entryId TEXT PRIMARY KEY,
  leaf TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE logSegments (
  start INTEGER PRIMARY KEY,
  size INTEGER NOT NULL,
  frontier BLOB NOT NULL,
  checkpoint TEXT NOT NULL,
  bundle BLOB NOT NULL
) STRICT;

CREATE TABLE logNodes (
  level INTEGER NOT NULL,
  nodeIndex INTEGER NOT NULL,
  hash BLOB NOT NULL,
  PRIMARY KEY (level, nodeIndex)
) STRICT, WITHOUT ROWID;

CREATE TABLE logEntries (
  entryId BLOB PRIMARY KEY,
  leafIndex INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE logKeys (
  generation INTEGER PRIMARY KEY,
  vkey TEXT NOT NULL,
  createdAtMs INTEGER NOT NULL,
  signsUntilMs INTEGER
) STRICT;

CREATE TABLE cosignatures (
  size INTEGER NOT NULL,
  witness TEXT NOT NULL,
  line TEXT NOT NULL,
  PRIMARY KEY (size, witness)
) STRICT, WITHOUT ROWID;

CREATE TABLE reviews (
  bucket TEXT NOT NULL,
  entryId TEXT NOT NULL,
  tenantId TEXT,
  sealed BLOB NOT NULL,
  PRIMARY KEY (bucket, entryId)
) STRICT;
CREATE INDEX reviewsOfTenant ON reviews (tenantId, entryId) WHERE tenantId IS NOT NULL;

CREATE TABLE bucketKeys (
  bucket TEXT PRIMARY KEY,
  keyId TEXT NOT NULL,
  sealedKey BLOB NOT NULL,
  createdAtMs INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE keyRoots (
  rootId TEXT PRIMARY KEY,
  ownerId TEXT,
  beat INTEGER NOT NULL,
  epoch INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE keyTrees (
  rootId TEXT NOT NULL,
  tree INTEGER NOT NULL,
  scope TEXT NOT NULL,
  PRIMARY KEY (rootId, tree)
) STRICT, WITHOUT ROWID;

CREATE TABLE keyNodes (
  rootId TEXT NOT NULL,
  tree INTEGER NOT NULL,
  level INTEGER NOT NULL,
  nodeIndex INTEGER NOT NULL,
  side INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  used INTEGER NOT NULL,
  sealed BLOB NOT NULL,
  UNIQUE (rootId, tree, level, nodeIndex, side)
) STRICT;
CREATE INDEX upperKeyNodes ON keyNodes (rootId) WHERE level > 0 OR tree = 0;
CREATE INDEX keyLeavesWithRoom ON keyNodes (rootId) WHERE level = 0 AND tree > 0 AND used < 64;

CREATE TABLE reflectedRoots (
  rootId TEXT PRIMARY KEY,
  epoch INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE installation (
  onlyRow INTEGER PRIMARY KEY CHECK (onlyRow = 1),
  installationId TEXT NOT NULL,
  serviceKeyCheck TEXT NOT NULL,
  sealedPayloadKey BLOB NOT NULL,
  createdAtMs INTEGER NOT NULL
) STRICT;
`;
