// Publishes what it is sent; what went wrong is its answer.
import { topics, type CallError, type Request } from '@chuva.io/less';

export const process = async ({ params, body }: Request) => {
  try {
    return { body: await topics[params.topic as keyof typeof topics].publish(JSON.parse(body)) };
  } catch (error) {
    const { code, message } = error as CallError;
    return { statusCode: 400, body: { code, message } };
  }
};
