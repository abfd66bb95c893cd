import { Worker } from 'bullmq';

import { subscribers } from '../../handlers.mjs';
import { connection, publish, queueName } from './queues.mjs';

const concurrency = Number(process.env.CONCURRENCY);

for (const [topic, functions] of Object.entries(subscribers)) {
  for (const [name, handle] of Object.entries(functions)) {
    new Worker(queueName(topic, name), (job) => handle(job.data, publish), { connection, concurrency });
  }
}
