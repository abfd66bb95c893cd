import { Queue } from 'bullmq';

import { subscribers } from '../../handlers.mjs';

// Each queue and worker makes a connection of its own from this. Redis reads at most 16 KiB of one connection before it
// syncs, so one that all share would be synced more often.
export const connection = { path: process.env.REDIS_SOCKET, maxRetriesPerRequest: null };

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
