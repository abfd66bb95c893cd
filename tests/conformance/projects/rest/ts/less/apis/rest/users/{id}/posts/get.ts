import type { Request } from '@chuva.io/less';

export const process = async ({ params }: Request) => ({ body: `posts of ${params.id}` });
