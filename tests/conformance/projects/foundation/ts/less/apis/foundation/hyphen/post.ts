// One topic, two spellings.
import { topics } from '@chuva.io/less';

export const process = async () => {
  await topics['a-b'].publish('hyphen');
  await topics.a_b.publish('underscore');
};
