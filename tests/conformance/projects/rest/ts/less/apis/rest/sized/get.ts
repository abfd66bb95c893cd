import type { Request } from '@chuva.io/less';

export const process = async ({ query }: Request) => ({ body: Buffer.alloc(Number(query.bytes), 'x') });
