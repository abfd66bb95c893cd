import type { Request } from '@chuva.io/less';
import { mischief } from 'mischief';
import { note, pid } from 'notes';

export const process = async ({ params }: Request) => {
  note('struck', { pid });
  await mischief[params.kind]!();
};
