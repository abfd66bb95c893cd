import type { Context } from '@chuva.io/less';
import { note } from 'notes';

export const process = async (message: unknown, { message_id }: Context) =>
  note('heard', { by: 'two', message, id: message_id });
