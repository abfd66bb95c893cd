import type { Middleware } from '@chuva.io/less';

/** A middleware: the handler after it finds an object in `request.body`; anything else is answered with 400. */
export const jsonBody: Middleware = async (request, response, next) => {
  const body = parsed(request.body as string);
  if (body === undefined) {
    response.statusCode = 400;
    response.body = { error: 'the body must be a JSON object' };
    return response;
  }
  request.body = body;
  await next();
};

function parsed(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
