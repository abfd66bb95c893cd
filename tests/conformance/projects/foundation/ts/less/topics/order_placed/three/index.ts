import { note } from 'notes';

export const process = (order: unknown) => note('heard', ['three', order]);
