// What Lethe is compared with: Express 5 that answers with the body it got. Started with `full` it
// has the middleware that a service on the open network has.
import express from 'express';
import { rateLimit } from 'express-rate-limit';
import helmet from 'helmet';
import { answerQuestions } from './processes.mjs';

const app = express();
app.disable('x-powered-by');
app.disable('etag');
if (process.argv[2] === 'full') {
  const everything = { windowMs: 60_000, limit: Number.MAX_SAFE_INTEGER };
  app.use(helmet());
  app.use(rateLimit({ ...everything, standardHeaders: 'draft-8', legacyHeaders: false }));
}
app.use(express.json());
app.post('/v2/verification-session', (request, response) => {
  response.json(request.body);
});
app.get('/health/live', (_request, response) => {
  response.json({ status: 'ok' });
});

const listening = new Promise((resolve) => {
  const server = app.listen(0, '127.0.0.1', () => resolve(server.address().port));
});

answerQuestions({
  port: () => listening,
  cpuMicros: () => {
    const { user, system } = process.cpuUsage();
    return user + system;
  },
});
