import type { AuthenticationDeps } from '../access/authenticate.js';
import type { Config } from '../config/config.js';
import type { SigningKey } from '../crypto/signing-key.js';
import type { OperationDeps } from '../operations/deps.js';
import type { Validator } from './validate.js';

/** What the routes work with; made once, in `context.ts`. */
export interface HttpDeps {
  readonly operations: OperationDeps;
  readonly authentication: AuthenticationDeps;
  readonly validator: Validator;
  readonly settings: Config['http'];
  readonly signingKey: SigningKey;
  /** Directory of the compiled scripts and styles of the launch page. */
  readonly webDir: string;
  /** Fails when the service could not answer a request now. */
  checkReady(this: void): Promise<void>;
}
