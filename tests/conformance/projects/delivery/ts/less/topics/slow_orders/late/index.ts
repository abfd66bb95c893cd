// Its first attempt publishes when its time is over, and the second is still to come.
import { topics, type Context } from '@chuva.io/less';
import { note, sleep } from 'notes';

export const process = async (order: string, { attempt }: Context): Promise<void> => {
  if (attempt === 1) await sleep(2000);
  try {
    const { id } = await topics.effects.publish({ order, what: 'late' });
    note('late', { id, attempt });
  } catch (error) {
    note('late', { error: (error as Error).message, attempt });
  }
};
