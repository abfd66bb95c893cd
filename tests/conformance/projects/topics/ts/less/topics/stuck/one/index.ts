import type { Context } from '@chuva.io/less';
import { note } from 'notes';

export const process = async (message: unknown, { attempt }: Context) => {
  note('stuck', attempt);
  await new Promise<never>(() => {});
};
