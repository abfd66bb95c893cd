// What lies beside a handler, and below it, belongs to it.
import type { Request, Response } from '@chuva.io/less';
import { greeting } from 'greetings';
import { wanted } from './schema';
import { deep } from './lib/deep/file';

export const process = async (request: Request, response: Response) => ({
  ...response,
  body: [greeting, wanted, deep],
});
