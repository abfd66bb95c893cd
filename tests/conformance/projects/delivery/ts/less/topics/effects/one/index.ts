import { note } from 'notes';

export const process = async (effect: unknown) => note('effects', effect);
