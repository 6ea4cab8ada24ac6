/** Names of the variables that Lethe reads. */
export const VARIABLES = [
  'ALLOWED_CALLBACK_PORTS',
  'ALLOWED_HTTP_CALLBACKS',
  'AUTH_FAILURE_RATE_LIMIT',
  'DATA_DIR',
  'DELETE_RATE_LIMIT',
  'DELIVERY_SCHEDULE_SECONDS',
  'HOST',
  'LAUNCH_PAGE_PICKER',
  'LOG_LEVEL',
  'LOG_ORIGIN',
  'MATCH_THRESHOLDS',
  'MONGODB_URI',
  'NODE_ENV',
  'PEER_CA_PATH',
  'PEER_CERT_PATH',
  'PEER_KEY_PATH',
  'PORT',
  'PRIVATE_CALLBACK_CIDRS',
  'PUBLIC_URL',
  'REDIRECT_WAIT_SECONDS',
  'RETENTION_DAYS',
  'REVIEW_RETENTION_MONTHS',
  'ROOT_KEY_PATH',
  'ROOT_SHARES',
  'SERVICE_KEY_PATH',
  'TRUST_PROXY',
  'VAULT_URL',
  'WITNESS_POLICY_PATH',
] as const;

export type VariableName = (typeof VARIABLES)[number];

/** Reads every variable of {@link VARIABLES}, and nothing else does; an empty value counts as not given. */
export function readEnv(): Partial<Record<VariableName, string>> {
  const given = VARIABLES.flatMap((name) => {
    const value = process.env[name]?.trim();
    return value === undefined || value === '' ? [] : [[name, value] as const];
  });
  return Object.fromEntries(given);
}
