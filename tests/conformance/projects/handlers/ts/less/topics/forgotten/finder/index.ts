import { note } from 'notes';

export const process = async (n: number) => note('forgotten', n);
