import { functions, type Context, type Request, type Response } from '@chuva.io/less';

export const process = async (request: Request, response: Response, context: Context) => {
  const callee = await functions.told<Context>();
  return { body: { caller: context.deadline, callee: callee.deadline } };
};
