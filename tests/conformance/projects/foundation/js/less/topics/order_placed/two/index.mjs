import { note } from 'notes';

export const process = async (order) => note('heard', ['two', order]);
