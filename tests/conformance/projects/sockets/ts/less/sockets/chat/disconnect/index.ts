import type { Context, Disconnected } from '@chuva.io/less';
import { note, noted } from 'notes';

export const process = async (client: Disconnected, { attempt }: Context) => {
  note('disconnect', client);
  if (noted('failing')) throw new Error(`no database at attempt ${attempt}`);
};
