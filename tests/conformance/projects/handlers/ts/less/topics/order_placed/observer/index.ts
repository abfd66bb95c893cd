import type { Context } from '@chuva.io/less';
import { note } from 'notes';

export const process = async (message: unknown, context: Context) =>
  note('observed', { message, context, now: Date.now() });
