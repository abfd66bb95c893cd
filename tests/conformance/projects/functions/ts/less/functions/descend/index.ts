// Calls itself as deep as it is told.
import { functions } from '@chuva.io/less';

export const process = async (depth: number): Promise<number> =>
  depth === 0 ? 0 : 1 + (await functions.descend<number>(depth - 1));
