import { note } from 'notes';

export const process = async (change: { key: string; old_value: unknown }) => note('changes', { deleted: change });
