import { Queue, Worker } from 'bullmq';
import express from 'express';
import { Redis } from 'ioredis';

import { placeOrder, subscribers } from '../../handlers.mjs';

const { PORT, REDIS_PORT, CONCURRENCY } = process.env;

const connection = new Redis({ host: '127.0.0.1', port: Number(REDIS_PORT), maxRetriesPerRequest: null });
const defaultJobOptions = { attempts: 20, backoff: { type: 'exponential', delay: 1000 }, removeOnComplete: true };

const queuesOf = {};

/** BullMQ has no topics: an event is a job in the queue of each subscriber. */
async function publish(topic, event) {
  await Promise.all(queuesOf[topic].map((queue) => queue.add(topic, event)));
}

for (const [topic, functions] of Object.entries(subscribers)) {
  queuesOf[topic] = Object.keys(functions).map((name) => new Queue(`${topic}.${name}`, { connection, defaultJobOptions }));
  for (const [name, handle] of Object.entries(functions)) {
    new Worker(`${topic}.${name}`, (job) => handle(job.data, publish), { connection, concurrency: Number(CONCURRENCY) });
  }
}

const app = express();
app.get('/hello', (request, response) => response.type('text').send('hello'));
app.post('/orders', express.json({ limit: '1mb' }), async (request, response) => {
  response.status(201).json(await placeOrder(request.body, publish));
});
app.listen(Number(PORT), '127.0.0.1');
