import type { Request } from '@chuva.io/less';

export const process = async ({ params }: Request) => ({ body: `user ${params.id}` });
