import { note } from 'notes';

export const process = async (change: { key: string; old_value: unknown; new_value: unknown }) =>
  note('changes', { updated: change });
