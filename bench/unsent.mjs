// Loaded into a Lethe that sends no webhook: its outbox is written and stays full. What the rest
// of a request costs is measured on it.
import { DeliveryWorker } from '../dist/callbacks/delivery-worker.js';

for (const name of ['start', 'wake', 'expedite']) DeliveryWorker.prototype[name] = () => undefined;
