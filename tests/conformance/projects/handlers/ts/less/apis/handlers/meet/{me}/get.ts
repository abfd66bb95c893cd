// Two of these wait for each other.
import type { Request } from '@chuva.io/less';
import { note, until_noted } from 'notes';

export const process = async ({ params, query }: Request) => {
  note(`met_${params.me}`, true);
  await until_noted(`met_${query.other}`);
};
