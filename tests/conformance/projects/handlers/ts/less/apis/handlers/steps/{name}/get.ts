// Several of these run at once.
import type { Request } from '@chuva.io/less';
import { sleep } from 'notes';

export const process = async ({ params }: Request) => {
  for (let step = 0; step < 5; step += 1) {
    console.log(params.name, step);
    await sleep(5 + 20 * Math.random());
  }
};
