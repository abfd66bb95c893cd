import { note, sleep } from 'notes';

export const process = async () => {
  note('span', 1);
  await sleep(30);
  note('span', -1);
};
