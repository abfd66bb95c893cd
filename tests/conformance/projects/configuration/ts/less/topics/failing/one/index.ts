import type { Context } from '@chuva.io/less';
import { note } from 'notes';

export const process = async (message: unknown, { attempt }: Context): Promise<never> => {
  note('failing', attempt);
  throw new Error('as ever');
};
