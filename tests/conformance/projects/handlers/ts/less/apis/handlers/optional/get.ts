// `process.length` is 2 here: what has a default is not declared.
import type { Request, Response } from '@chuva.io/less';

export const process = async (request: Request, response: Response, extra: unknown = 'the default') => ({ body: extra });
