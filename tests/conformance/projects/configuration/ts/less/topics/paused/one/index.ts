import { note } from 'notes';

export const process = async (message: unknown) => note('unpaused', message);
