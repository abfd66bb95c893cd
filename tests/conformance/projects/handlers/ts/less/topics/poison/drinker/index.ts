import type { Context } from '@chuva.io/less';
import { mischief } from 'mischief';
import { note, pid } from 'notes';

export const process = async (kind: string, { attempt }: Context) => {
  note('drunk', { attempt, pid });
  await mischief[kind]!();
};
