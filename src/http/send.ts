import type { Response } from 'express';
import type { Answer } from '../operations/answer.js';

/** Sends JSON without the work that Express's own `json` adds. */
export function sendJson(response: Response, status: number, body: object): void {
  const bytes = Buffer.from(JSON.stringify(body));
  response.statusCode = status;
  response.setHeader('Content-Type', 'application/json; charset=utf-8');
  response.setHeader('Content-Length', bytes.byteLength);
  response.end(bytes);
}

/** Sends an operation's answer and tells it when the last byte went to the network. */
export function sendAnswer(response: Response, answer: Answer): void {
  const { afterFlush, headers = {} } = answer;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  if (afterFlush !== undefined) response.once('finish', afterFlush);
  sendJson(response, answer.status, answer.body);
}
