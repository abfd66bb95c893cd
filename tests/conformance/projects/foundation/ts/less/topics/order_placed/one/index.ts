import { note } from 'notes';

export const process = async (order: unknown) => note('heard', ['one', order]);
