// Calls the function with what it is sent; what it threw is its answer.
import { functions, type FunctionError, type Request } from '@chuva.io/less';

export const process = async ({ params, body }: Request) => {
  try {
    const call = functions[params.name as keyof typeof functions];
    const result = await call<unknown>(body === '' ? undefined : JSON.parse(body));
    return { body: { result } };
  } catch (error) {
    const { code, message } = error as FunctionError;
    return { statusCode: 400, body: { code, message } };
  }
};
