// Publishes, then fails twice. Two of its events are equal, one is new each time.
import { topics, type Context } from '@chuva.io/less';
import { note } from 'notes';

export const process = async (order: string, { attempt }: Context): Promise<void> => {
  const ids: string[] = [];
  for (const effect of [{ order, what: 'equal' }, { order, what: 'equal' }, { order, what: 'other' }]) {
    ids.push((await topics.effects.publish(effect)).id);
  }
  await topics.effects.publish({ order, what: 'new', attempt });
  note('repeats', ids);
  if (attempt < 3) throw new Error('not yet');
};
