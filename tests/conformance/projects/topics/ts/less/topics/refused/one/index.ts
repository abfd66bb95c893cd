import { NonRetriableError, type Context } from '@chuva.io/less';
import { note } from 'notes';

export const process = async (message: unknown, { attempt }: Context): Promise<never> => {
  note('refused', attempt);
  throw new NonRetriableError('never again');
};
