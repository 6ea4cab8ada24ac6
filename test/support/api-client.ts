import { encoded, face } from './embeddings.js';
import type { Credentials, TestAnswer } from './lethe.js';

/** An integrator of a service that runs in another process, and the browsers of its subjects. */
export class ApiClient {
  readonly #url: string;
  readonly #credentials: Credentials;
  readonly #callbackUrl: string;

  constructor(at: { url: string; credentials: Credentials; callbackUrl: string }) {
    this.#url = at.url;
    this.#credentials = at.credentials;
    this.#callbackUrl = at.callbackUrl;
  }

  /** Enrols the face of this name; the answer of the first step that fails, or of the last. */
  async enroll(uuid: string): Promise<TestAnswer> {
    return await this.#run('ENROLL', uuid);
  }

  /** Shows the face of this name. */
  async verify(uuid: string): Promise<TestAnswer> {
    return await this.#run('VERIFY', uuid);
  }

  async delete(uuid: string): Promise<TestAnswer> {
    return await this.#create('DELETE', uuid);
  }

  async get(path: string): Promise<TestAnswer> {
    return await this.#call(path, { method: 'GET' });
  }

  async #run(type: 'ENROLL' | 'VERIFY', uuid: string): Promise<TestAnswer> {
    const created = await this.#create(type, uuid);
    if (created.status !== 201) return created;
    const path = `/v2/verification-session/${String(created.body['sessionId'])}`;
    const { challenge } = (await this.get(path)).body as { challenge?: { nonce?: string } };
    const nonce = challenge?.nonce ?? 'none';
    return await this.#post(`${path}/${type.toLowerCase()}`, {
      body: { model: 'dlib-resnet-v1', embedding: encoded(face(uuid)), nonce },
    });
  }

  async #create(type: string, uuid: string): Promise<TestAnswer> {
    return await this.#post('/v2/verification-session', {
      headers: this.#credentials,
      body: {
        type,
        uuid,
        redirectURL: 'https://app.example/done',
        callback: { url: this.#callbackUrl },
      },
    });
  }

  async #post(path: string, request: { headers?: object; body: object }): Promise<TestAnswer> {
    return await this.#call(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...request.headers },
      body: JSON.stringify(request.body),
    });
  }

  async #call(path: string, request: RequestInit): Promise<TestAnswer> {
    const response = await fetch(`${this.#url}${path}`, request);
    const body = (await response.json()) as Record<string, unknown>;
    return { status: response.status, headers: response.headers, body };
  }
}
