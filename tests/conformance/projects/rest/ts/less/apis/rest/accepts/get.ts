// One header, looked up in every way.
import type { Request } from '@chuva.io/less';

export const process = async ({ headers }: Request) => ({
  body: [headers.Accept, headers.accept, headers['ACCEPT'], headers['Accept'], headers['x-none'] ?? null],
});
