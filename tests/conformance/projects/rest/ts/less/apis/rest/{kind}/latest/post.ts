import type { Request } from '@chuva.io/less';

export const process = async ({ params }: Request) => ({ body: `posted to latest of ${params.kind}` });
