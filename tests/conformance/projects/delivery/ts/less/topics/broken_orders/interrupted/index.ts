// Publishes, then waits: meanwhile everything crashes.
import { topics, type Context } from '@chuva.io/less';
import { note, until_noted } from 'notes';

export const process = async (order: string, { attempt }: Context) => {
  const { id } = await topics.effects.publish({ order, what: 'before the crash' });
  note('interrupted', { id, attempt });
  await until_noted('go');
};
