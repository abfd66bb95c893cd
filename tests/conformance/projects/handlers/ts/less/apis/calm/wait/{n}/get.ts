// A neighbour of the bad ones.
import type { Request } from '@chuva.io/less';
import { note, pid, until_noted } from 'notes';

export const process = async ({ params }: Request) => {
  note('requests', { n: Number(params.n), pid });
  await until_noted('release');
  return { body: { pid } };
};
