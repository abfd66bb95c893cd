// Takes its time, so that nothing but the store keeps the order.
import { note, sleep } from 'notes';

export const process = async (change: { key: string; old_value: unknown; new_value: unknown }) => {
  await sleep(10 * Math.random());
  note('changes', { updated: change });
};
