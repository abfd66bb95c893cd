// A publish that fails, and that nobody awaits.
import { topics } from '@chuva.io/less';

export const process = async () => {
  void topics.forgotten.publish('x'.repeat(300_000));
};
