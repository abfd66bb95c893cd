// A publish after the end of its invocation.
import { topics } from '@chuva.io/less';
import { note } from 'notes';

const publish = async (): Promise<void> => {
  try {
    await topics.forgotten.publish('late');
    note('late', 'taken');
  } catch (error) {
    note('late', (error as Error).message);
  }
};

export const process = async () => {
  setTimeout(publish, 300);
};
