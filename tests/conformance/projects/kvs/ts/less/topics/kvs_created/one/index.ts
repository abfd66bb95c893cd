import { note } from 'notes';

export const process = async (change: { key: string; new_value: unknown }) => note('changes', { created: change });
