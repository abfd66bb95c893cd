import type { Context } from '@chuva.io/less';

export const process = async (payload: unknown, context: Context) => ({ ...context, payload });
