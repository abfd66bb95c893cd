import type { Context } from '@chuva.io/less';
import { note } from 'notes';

export const process = async (message: unknown, { message_id }: Context) =>
  note('heard', { by: 'one', message, id: message_id });
