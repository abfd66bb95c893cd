// Nobody awaits its publishes, one after the other.
import { topics } from '@chuva.io/less';

const publishAll = async (): Promise<void> => {
  for (let n = 0; n < 20; n += 1) await topics.forgotten.publish(n);
};

export const process = async () => {
  void publishAll();
};
