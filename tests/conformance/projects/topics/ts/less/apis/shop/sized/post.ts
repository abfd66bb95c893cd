// Publishes a text of so many bytes of JSON.
import { topics, type CallError, type Request } from '@chuva.io/less';

export const process = async ({ query }: Request) => {
  try {
    return { body: await topics.heard.publish('x'.repeat(Number(query.bytes) - 2)) };
  } catch (error) {
    const { code, message } = error as CallError;
    return { statusCode: 400, body: { code, message } };
  }
};
