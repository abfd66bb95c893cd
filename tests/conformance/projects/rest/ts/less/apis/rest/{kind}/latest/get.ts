import type { Request } from '@chuva.io/less';

export const process = async ({ params }: Request) => ({ body: `latest of ${params.kind}` });
