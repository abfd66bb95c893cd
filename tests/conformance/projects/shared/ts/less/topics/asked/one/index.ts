import { text } from 'models';
import { note } from 'notes';

export const process = async () => note('text', text);
