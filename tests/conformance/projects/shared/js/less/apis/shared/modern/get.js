import { text } from 'models';

export const process = async () => ({ body: text });
