// Publishes what it is sent, with the options that the query names; what went wrong is its answer.
import { topics, type CallError, type PublishOptions, type Request } from '@chuva.io/less';

export const process = async ({ params, query, body }: Request) => {
  const { delay, idempotency_key, ordering_key } = query;
  const options: PublishOptions = { delay: delay ? Number(delay) : undefined, idempotency_key, ordering_key };
  try {
    return { body: await topics[params.topic as keyof typeof topics].publish(JSON.parse(body), options) };
  } catch (error) {
    const { code, message } = error as CallError;
    return { statusCode: 400, body: { code, message } };
  }
};
