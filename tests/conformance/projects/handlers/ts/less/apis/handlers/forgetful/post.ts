// None of its publishes is awaited.
import { topics } from '@chuva.io/less';

export const process = async () => {
  for (let n = 0; n < 20; n += 1) void topics.forgotten.publish(n);
};
