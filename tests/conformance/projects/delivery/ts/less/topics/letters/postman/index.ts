// One letter of a key at a time.
import type { Context } from '@chuva.io/less';
import { note, sleep } from 'notes';

interface Letter {
  key: string;
  n: number;
  fails: boolean;
}

export const process = async ({ key, n, fails }: Letter, { attempt }: Context) => {
  note('letters', { key, n, what: 'begun', attempt });
  await sleep(10);
  if (fails && attempt === 1) throw new Error('nobody at home');
  note('letters', { key, n, what: 'ended', attempt });
};
