// Hears what another project publishes.
import type { Context } from '@chuva.io/less';
import { note, noted } from 'notes';

export const process = async (message: unknown, { attempt }: Context): Promise<void> => {
  note('archived', { message, attempt });
  if (noted('archive_is_full') && attempt === 1) throw new Error('the archive is full');
};
