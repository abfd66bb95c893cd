import type { Request } from '@chuva.io/less';

export const process = async (request: Request) => ({ body: { id: request.params.id } });
