import { note } from 'notes';

export const process = async (...given: unknown[]) => note('undeclared', given.length);
