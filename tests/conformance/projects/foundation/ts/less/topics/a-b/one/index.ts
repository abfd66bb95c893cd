import { note } from 'notes';

export const process = async (spelling: string) => note('hyphen', spelling);
