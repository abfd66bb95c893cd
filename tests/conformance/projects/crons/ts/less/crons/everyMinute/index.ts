// Fails at its first attempt.
import type { Context } from '@chuva.io/less';
import { note } from 'notes';

export const process = async ({ project, message_id, attempt }: Context): Promise<void> => {
  note('minute', { project, id: message_id, attempt, at: Date.now() });
  if (attempt === 1) throw new Error('not at once');
};
