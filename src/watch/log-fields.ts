/** Every field that a log line can have besides `at` and `level`; there is no place for others. */
export interface LogFields {
  readonly event: string;
  /** As the caller gave it, or generated; its form is checked where it comes in. */
  readonly requestId?: string | undefined;
  readonly tenantId?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly deliveryId?: string | undefined;
  /** Operation, state and worker are words of the service. */
  readonly type?: string | undefined;
  readonly state?: string | undefined;
  readonly worker?: string | undefined;
  /** Error code of the service. */
  readonly code?: string | undefined;
  readonly status?: number | undefined;
  readonly method?: string | undefined;
  /** Pattern of the route, never the address: addresses hold session ids. */
  readonly route?: string | undefined;
  readonly durationMs?: number | undefined;
  readonly attempt?: number | undefined;
  readonly count?: number | undefined;
  /** Name of a witness's key, as the operator's policy has it. */
  readonly witness?: string | undefined;
  /** Number of leaves under a checkpoint. */
  readonly size?: number | undefined;
  /** HTTP status or error code of a delivery attempt, or of asking a witness. */
  readonly outcome?: string | undefined;
  readonly error?: string | undefined;
  readonly detail?: string | undefined;
  readonly stack?: readonly string[] | undefined;
}

/** Stands for a value that does not have the form of its field. */
const DROPPED = '[dropped]';

type Form = (value: unknown) => unknown;

const word = text(/^[A-Za-z][A-Za-z0-9_-]{0,63}$/);
const id = text(/^[A-Za-z0-9._-]{1,128}$/);

/** In the order in which a line shows them. */
const FORMS: Record<keyof LogFields, Form> = {
  event: word,
  requestId: text(/^[A-Za-z0-9._:/+=-]{1,128}$/),
  tenantId: id,
  sessionId: id,
  deliveryId: id,
  type: word,
  state: word,
  worker: word,
  code: word,
  method: word,
  // A literal segment is shorter than a UUID, and than any digest.
  route: text(/^(?:none|other|\/|(?:\/(?:[:*][A-Za-z]{1,24}|[a-z.][a-z0-9.-]{0,23}))+)$/),
  status: number,
  durationMs: (value) =>
    typeof value === 'number' ? number(Math.round(value * 1e3) / 1e3) : DROPPED,
  attempt: number,
  count: number,
  // An address without scheme; names of other forms are possible, and not shown.
  witness: text(/^[A-Za-z0-9._:/[\]-]{1,255}$/),
  size: number,
  outcome: text(/^[A-Za-z0-9_-]{1,64}$/),
  error: text(/^[A-Za-z0-9_ <]{1,300}$/),
  detail: text(/^[^\p{Cc}]{1,300}$/u),
  stack: (value) => (Array.isArray(value) ? value.map(text(/^at [^\p{Cc}]{1,300}$/u)) : DROPPED),
};
const ORDERED_FORMS = Object.entries(FORMS) as [keyof LogFields, Form][];

/**
 * The last boundary before a line leaves the process: known fields of their form pass, a value of
 * another form is replaced, and everything else is dropped, whatever the caller's types promised.
 */
export function filterFields(given: LogFields): Record<string, unknown> {
  const line: Record<string, unknown> = {};
  for (const [name, form] of ORDERED_FORMS) {
    const value: unknown = given[name];
    if (value !== undefined) line[name] = form(value);
  }
  return line;
}

function text(pattern: RegExp): Form {
  return (value) => (typeof value === 'string' && pattern.test(value) ? value : DROPPED);
}

function number(value: unknown): unknown {
  return typeof value === 'number' && Number.isFinite(value) ? value : DROPPED;
}
