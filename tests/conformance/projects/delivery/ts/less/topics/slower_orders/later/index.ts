// Its first attempt publishes when all is settled.
import { topics, type Context } from '@chuva.io/less';
import { note, until_noted } from 'notes';

export const process = async (order: string, { attempt }: Context) => {
  note('later', attempt);
  if (attempt > 1) return;
  await until_noted('settled');
  try {
    await topics.effects.publish({ order, what: 'too late' });
    note('refused', 'taken');
  } catch (error) {
    note('refused', (error as Error).message);
  }
};
