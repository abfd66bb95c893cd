import { pid } from 'notes';

export const process = async () => ({ body: { pid } });
