// Waits for another function.
import { functions } from '@chuva.io/less';

export const process = async (n: number): Promise<number> => {
  const { doubled } = await functions.double<{ doubled: number }>(n);
  return doubled;
};
