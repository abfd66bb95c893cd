// Publishes what it is sent; what failed is its answer.
import { CallError, sockets, type Request } from '@chuva.io/less';

export const process = async ({ body }: Request) => {
  const { message, to } = JSON.parse(body);
  try {
    return { body: await (to === null ? sockets.chat.broadcast(message) : sockets.chat.publish(message, to)) };
  } catch (error) {
    return { body: { code: (error as CallError).code } };
  }
};
