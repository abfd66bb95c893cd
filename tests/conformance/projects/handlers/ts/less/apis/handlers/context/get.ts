import type { Context, Request, Response } from '@chuva.io/less';

export const process = async (request: Request, response: Response, context: Context) => ({
  body: { ...context, now: Date.now() },
});
