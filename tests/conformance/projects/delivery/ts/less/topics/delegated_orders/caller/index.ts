// A function publishes for it.
import { functions, type Context } from '@chuva.io/less';

export const process = async (order: string, { attempt }: Context): Promise<void> => {
  await functions.announce({ order, what: 'announced' });
  if (attempt === 1) throw new Error('not yet');
};
