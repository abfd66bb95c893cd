import { Queue } from 'bullmq';
import { Redis } from 'ioredis';

import { subscribers } from '../../handlers.mjs';

export const connection = new Redis({ path: process.env.REDIS_SOCKET, maxRetriesPerRequest: null });

const defaultJobOptions = { attempts: 20, backoff: { type: 'exponential', delay: 1000 }, removeOnComplete: true };

export const queueName = (topic, subscriber) => `${topic}.${subscriber}`;

const queuesOf = Object.fromEntries(Object.entries(subscribers).map(([topic, functions]) => [
  topic,
  Object.keys(functions).map((name) => new Queue(queueName(topic, name), { connection, defaultJobOptions })),
]));

/** BullMQ has no topics: an event is a job in the queue of each subscriber. */
export async function publish(topic, event) {
  await Promise.all(queuesOf[topic].map((queue) => queue.add(topic, event)));
}
