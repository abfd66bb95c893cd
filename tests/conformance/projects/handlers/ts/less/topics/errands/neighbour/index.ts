// A neighbour of the bad ones.
import type { Context } from '@chuva.io/less';
import { note, pid, until_noted } from 'notes';

export const process = async (n: number, { attempt }: Context) => {
  note('errands', { n, pid, attempt });
  await until_noted('release');
  note('done', { n, pid, attempt });
};
