import type { Disconnected } from '@chuva.io/less';

// A connection has ended, however it did.
export const process = async ({ connection_id }: Disconnected): Promise<void> => {
  console.log(`${connection_id} has gone`);
  // Forget here what connect has kept.
};
